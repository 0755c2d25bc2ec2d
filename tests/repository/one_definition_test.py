import importlib.machinery
import importlib.util
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "tools" / "one-definition"
LOADER = importlib.machinery.SourceFileLoader("one_definition", str(PROGRAM))
one_definition = importlib.util.module_from_spec(importlib.util.spec_from_loader("one_definition", LOADER))
LOADER.exec_module(one_definition)


def names(text):
    return list(one_definition.names_of(text))


class Names(unittest.TestCase):
    def test_types(self):
        self.assertEqual(names("namespace a { struct B { int c; }; class [[nodiscard]] C final : public D::E {}; union U {}; }"),
                         ["a::B", "a::C", "a::U"])
        self.assertEqual(names("namespace a::b {\nenum class E { x, y };\ntemplate <class T> struct S {};\n}"),
                         ["a::b::E", "a::b::S"])
        self.assertEqual(names("struct Outer::Inner { int i; };"), ["Outer::Inner"])

    def test_a_function_is_its_name_and_the_types_it_takes(self):
        one = names("inline int f(int a, const T& b = g(1, 2)) { return a; }")
        self.assertEqual(one, ["f(int, const T&)"])
        self.assertEqual(names("[[nodiscard]] constexpr int f(int other,\n  const T &c) { return 1 + other; }"), one)
        self.assertNotEqual(names("inline int f(long a, const T& b) { return a; }"), one)
        self.assertEqual(names("template <class T, int N = f<1>()>\nT f(std::map<int, T> m) { return {}; }"),
                         ["f(std::map<int, T>)"])

    def test_what_the_linker_refuses_by_itself_is_left_to_it(self):
        self.assertEqual(names("int f(int a) { return a; } int i = 3;"), [])

    def test_variables(self):
        self.assertEqual(names("inline constexpr int kCount = 3;"), ["kCount"])

    def test_declarations_define_nothing(self):
        self.assertEqual(names("namespace a {\nclass B;\n}\nstruct C; template <class T> void f(T t); inline int g();"), [])

    def test_names_of_a_file_s_own(self):
        self.assertEqual(names("namespace a { namespace { struct B {}; inline int f() { return 1; } } struct C {}; }"),
                         ["a::C"])
        self.assertEqual(names("void f() { struct Local {}; }"), [])

    def test_braces_in_texts_and_comments_do_not_count(self):
        self.assertEqual(names("// {\n/* { */\n#define OPEN {\nint f() { return g(\"{\", '{', R\"(\"{)\"); }\nstruct A {};"), ["A"])

    def test_a_file_that_it_misreads_is_told_of(self):
        self.assertRaises(ValueError, names, "struct A {")
        self.assertRaises(ValueError, names, "}")


if __name__ == "__main__":
    unittest.main()

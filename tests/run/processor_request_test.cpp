#include "run/processor_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "processor/processor_file.h"
#include "run/temporary_folder.h"

namespace trainer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_help::message_of;

ProcessorParameters parameters_of(const ProcessorRequest& request) {
  return load_processor(request.name_or_file, request.overrides);
}

TEST(ProcessorText, PartsAreSeparatedByColons) {
  const ProcessorText variant = parse_processor_text("trainer-28nm:batchnorm.unit=conventional:name=conventional-bn");
  EXPECT_EQ(variant.name_or_file, "trainer-28nm");
  EXPECT_THAT(variant.overrides, ElementsAre("batchnorm.unit=conventional", "name=conventional-bn"));
  EXPECT_EQ(to_string(variant), "trainer-28nm:batchnorm.unit=conventional:name=conventional-bn");
  const ProcessorText path = parse_processor_text("a:b/c.yaml:array.lanes=4");
  EXPECT_EQ(path.name_or_file, "a:b/c.yaml");
  EXPECT_THAT(path.overrides, ElementsAre("array.lanes=4"));
  for (const char* plain : {"trainer-28nm", "a:b/c.yaml", "a=b", ""}) {
    EXPECT_EQ(parse_processor_text(plain).name_or_file, plain);
    EXPECT_THAT(parse_processor_text(plain).overrides, IsEmpty());
    EXPECT_EQ(to_string(parse_processor_text(plain)), plain);
  }
  EXPECT_THAT(parse_processor_text("p:a=1::b=2").overrides, ElementsAre("a=1", "", "b=2"));
  EXPECT_THAT(parse_processor_text("p:a=1:").overrides, ElementsAre("a=1", ""));
}

TEST(ProcessorRequest, AVariantIsNamedAfterItsTextAndWinsOverSet) {
  const ProcessorRequest plain = processor_request("trainer-28nm", {"array.lanes=4"});
  EXPECT_THAT(plain.overrides, ElementsAre("array.lanes=4"));
  const ProcessorParameters variant =
      parameters_of(processor_request("trainer-28nm:batchnorm.unit=conventional:array.lanes=2", {"array.lanes=4"}));
  EXPECT_EQ(variant.name, "trainer-28nm:batchnorm.unit=conventional:array.lanes=2");
  EXPECT_EQ(variant.batchnorm_unit, "conventional");
  EXPECT_EQ(variant.lanes, 2);
  EXPECT_EQ(parameters_of(processor_request("trainer-28nm:name=x:array.lanes=2", {})).name, "x");
  EXPECT_EQ(parameters_of(processor_request("trainer-28nm:array.lanes=2", {"name=y"})).name, "y:array.lanes=2");
}

TEST(ProcessorRequest, TwoVariantsWatchOneRun) {
  const std::vector<ProcessorResult> results =
      Simulation(
          {processor_request("trainer-28nm", {}), processor_request("trainer-28nm:batchnorm.unit=conventional", {})}, 1)
          .results();
  ASSERT_EQ(results.size(), 2U);
  EXPECT_EQ(results[0].name, "trainer-28nm");
  EXPECT_EQ(results[1].name, "trainer-28nm:batchnorm.unit=conventional");
}

TEST(ProcessorRequest, Misuse) {
  EXPECT_THAT(message_of<UsageError>([] { processor_request("trainer-28:array.lanes=2", {}); }),
              HasSubstr("unknown processor 'trainer-28'"));
  EXPECT_THAT(message_of<UsageError>([] { parameters_of(processor_request("trainer-28nm:array.lane=2", {})); }),
              HasSubstr("did you mean 'array.lanes'?"));
  EXPECT_THAT(message_of<UsageError>([] { parameters_of(processor_request("trainer-28nm:array.lanes=2:", {})); }),
              HasSubstr("not of the form key=value"));
}

}  // namespace
}  // namespace trainer

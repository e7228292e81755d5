# All tests, from the root of the repo: Rscript tests/testthat.R
library(testthat)

reporters <- list(SummaryReporter$new())
if (requireNamespace("xml2", quietly = TRUE)) {
  reporters <- c(reporters, JunitReporter$new(file = file.path(getwd(), "junit.xml")))
}
test_dir("tests/testthat", reporter = MultiReporter$new(reporters), stop_on_failure = TRUE)

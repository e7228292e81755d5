# Coverage of the code that computes features, scores and models: Rscript tests/coverage.R
library(covr)
library(testthat)

sources <- file.path("R", c("arguments.R", "features.R", "model.R", "answers.R"))
tests <- Sys.glob(file.path("tests", "testthat", "test-*.R"))
covered <- file_coverage(sources, c(file.path("tests", "testthat", "helper-model.R"), tests))
print(covered)
to_cobertura(covered, filename = "cobertura.xml")
if (percent_coverage(covered) < 90) stop("less than 90 per cent is covered")

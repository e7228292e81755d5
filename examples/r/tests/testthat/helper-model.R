# testthat runs in this folder, coverage.R at the root with the sources loaded and instrumented.
root <- normalizePath(if (dir.exists("R")) "." else file.path("..", ".."))
if (!exists("fit_model")) {
  for (file in c("arguments.R", "features.R", "model.R", "answers.R")) source(file.path(root, "R", file))
}

evaluation <- read_rows(file.path(root, "data", "eval.csv"))
training <- read_rows(file.path(root, "data", "train.csv"))
label <- as.integer(training$changed)

# Every second row: enough to learn from, and to test on the rest.
chosen <- seq(1, nrow(training), by = 2)
trained <- fit_model(training[chosen, ], label[chosen])$coefficients

# Someone of the survey about whom nothing is remarkable.
ordinary <- data.frame(id = "a", age = "35", earnings_1974 = "14000", earnings_1975 = "15000")

scores <- function(rows) predict_rows(trained, rows)$score

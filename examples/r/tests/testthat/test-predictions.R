rows <- evaluation[1:400, ]

test_that("[monitor-5] every score is a probability", {
  score <- scores(rows)
  expect_true(all(is.finite(score) & score > 0 & score < 1))
})

test_that("[infra-5] the order and company of a row do not matter", {
  expected <- scores(rows)
  order <- rev(rep(seq_len(nrow(rows)), 2))
  expect_identical(scores(rows[order, ]), expected[order])
  expect_identical(scores(rows[7, ]), expected[7])
})

test_that("[monitor-5] a refused row has no score and leaves the others alone", {
  mixed <- ordinary[c(1, 1, 1), ]
  mixed$age[2] <- "NaN"
  score <- scores(mixed)
  expect_equal(is.na(score), c(FALSE, TRUE, FALSE))
  expect_identical(score[c(1, 3)], rep(scores(ordinary), 2))
  expect_identical(is.na(scores(mixed[2, ])), TRUE)
})

test_that("[model-7] ethnicity and other columns that are no features change nothing", {
  changed <- rows
  changed$ethnicity <- rev(changed$ethnicity)
  changed$diploma <- "unheard of"
  expect_identical(scores(changed), scores(rows))
})

test_that("[model-6] low earnings are likelier to have changed than those at the cap", {
  low <- rows
  low$earnings_1975 <- "3000"
  high <- rows
  high$earnings_1975 <- "25244"
  expect_gt(mean(scores(low) > scores(high)), 0.95)
})

test_that("[infra-5] the steps of a prediction end in the output", {
  folder <- tempfile()
  dir.create(folder)
  mixed <- rbind(rows[1:2, c("id", RAW)], data.frame(id = "bad", ordinary[RAW]))
  mixed$age[3] <- "7"
  write_trace(trained, mixed, folder)
  steps <- lapply(sort(dir(folder, full.names = TRUE)), read.csv, check.names = FALSE)
  expect_equal(sort(dir(folder)), c("01_features.csv", "02_log_odds.csv", "03_output.csv"))
  expect_equal(steps[[1]]$id, mixed$id[1:2])
  expect_equal(ncol(steps[[1]]), 1 + length(trained))
  parts <- steps[[2]][, setdiff(names(steps[[2]]), c("id", "log_odds"))]
  expect_equal(rowSums(parts), steps[[2]]$log_odds, ignore_attr = TRUE)
  expect_equal(plogis(steps[[2]]$log_odds), steps[[3]]$score[1:2])
  expect_equal(steps[[3]]$score, c(scores(rows[1:2, ]), NA))
})

command <- function(script, ...) {
  suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"), shQuote(c("--vanilla", file.path(root, "R", script), ...)),
    stdout = TRUE, stderr = TRUE
  ))
}

test_that("[infra-3] the commands of the manifest work from end to end", {
  folder <- tempfile()
  dir.create(folder)
  model <- file.path(folder, "model.csv")
  out <- file.path(folder, "scores.csv")
  source <- file.path(root, "data", "eval.csv")
  trained <- command("train.R", "--data", file.path(root, "data", "train.csv"), "--seed", "7", "--params", "-", "--model", model)
  expect_null(attr(trained, "status"), info = trained)
  expect_match(readLines(file.path(folder, "metrics.jsonl"))[1], '^\\{"step": 1, "loss": 0\\.[0-9]+\\}$')
  predicted <- command("predict.R", "--model", model, "--in", source, "--out", out)
  expect_null(attr(predicted, "status"), info = predicted)
  expect_equal(read.csv(out)$id, evaluation$id)
})

test_that("[infra-3] wrong arguments and labels end in one clear line", {
  expect_match(command("train.R", "--data", "x"), "expected --data DATA --seed SEED --params PARAMS --model MODEL", all = FALSE)
  file <- tempfile(fileext = ".csv")
  writeLines(c("id,age,earnings_1974,earnings_1975,changed", "a,30,1,2,perhaps"), file)
  failed <- command("train.R", "--data", file, "--seed", "1", "--params", "-", "--model", tempfile())
  expect_equal(attr(failed, "status"), 1)
  expect_match(failed, "column changed must hold 0 or 1", all = FALSE)
})

source("../../R/features.R", local = TRUE)
source("../../R/model.R", local = TRUE)

rows <- expand.grid(amount = c("80", "90", "110", "120"), days = c("40", "60", "80"), stringsAsFactors = FALSE)
rows$id <- seq_len(nrow(rows))
rows$state <- "act"
rows$late <- as.numeric(as.numeric(rows$amount) > 100)

test_that("[infra-2] the loss falls", {
  losses <- fit(rows, 1, 1, 1)$losses
  expect_equal(losses, sort(losses, decreasing = TRUE))
})

test_that("[infra-2] more owed is later", {
  scores <- scores_of(fit(rows, 1, 1, 1)$weights, rows)
  expect_true(all(scores[rows$amount == "80"] < 0.5))
  expect_true(all(scores[rows$amount == "120"] > 0.5))
})

test_that("[infra-2] a saved model is the same when it is loaded", {
  path <- tempfile()
  save_model(list(weights = c(a = 0.1, b = 1 / 3)), path)
  expect_identical(load_model(path), list(weights = c(a = 0.1, b = 1 / 3)))
})

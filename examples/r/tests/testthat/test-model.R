test_that("[infra-2] each training step lowers the loss", {
  loss <- fit_model(training[chosen, ], label[chosen])$loss
  expect_gt(length(loss), 2)
  expect_true(all(diff(loss) < 1e-9))
  expect_lt(tail(loss, 1), log(2) * 0.8)
})

test_that("[infra-1] the same rows give the same model, bit for bit", {
  expect_identical(fit_model(training[chosen, ], label[chosen])$coefficients, trained)
})

test_that("[infra-2] a saved model scores the same", {
  file <- tempfile(fileext = ".csv")
  save_model(trained, file)
  expect_identical(load_model(file), trained)
})

test_that("[infra-2] one class teaches nothing", {
  expect_error(fit_model(training[chosen, ], rep(1L, length(chosen))), "both classes")
})

test_that("[infra-2] a model of other features is refused", {
  other <- setNames(trained, sub("age", "shoe_size", names(trained)))
  expect_error(scores_of(other, ordinary), "train again")
})

test_that("[model-5] on rows it has not seen it beats always saying the common answer", {
  rest <- setdiff(seq_len(nrow(training)), chosen)
  right <- mean((scores(training[rest, ]) >= 0.5) == label[rest])
  expect_gt(right, max(mean(label[rest]), 1 - mean(label[rest])) + 0.1)
})

test_that("[model-3] a penalty makes coefficients smaller and training a little worse, and 0 changes nothing", {
  weak <- fit_model(training[chosen, ], label[chosen], list(l2 = 0.1))
  strong <- fit_model(training[chosen, ], label[chosen], list(l2 = 100))
  size <- function(coefficients) sum(coefficients[-1]^2)
  expect_lt(size(strong$coefficients), size(weak$coefficients))
  expect_lt(size(weak$coefficients), size(trained))
  expect_gt(tail(strong$loss, 1), tail(weak$loss, 1))
  expect_identical(fit_model(training[chosen, ], label[chosen], list(l2 = 0))$coefficients, trained)
})

test_that("[model-3] hyperparameters are read from a file, and unknown or impossible ones are refused", {
  file <- tempfile(fileext = ".json")
  given <- function(text) {
    writeLines(text, file)
    read_params(file)
  }
  expect_equal(read_params("-"), PARAMS)
  expect_equal(given('{"l2": 2.5e-1}'), list(l2 = 0.25))
  expect_error(given('{"trees": 3}'), "no hyperparameter trees")
  expect_error(given('{"l2": -1}'), "0 or more")
  expect_error(given('{"l2": "much"}'), "0 or more")
})

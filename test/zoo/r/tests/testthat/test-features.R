source("../../R/features.R", local = TRUE)

row <- data.frame(id = "a", amount = "110", days = "45", state = "vic")

test_that("[data-7] an ordinary row", {
  expect_equal(features_of(row), data.frame(id = "a", amount_scaled = 1, days_bend = 1, state = "vic"))
})

test_that("[data-7] a row that lacks something is refused", {
  for (column in c("amount", "days", "state")) {
    for (cell in c("", NA)) {
      lacking <- row
      lacking[[column]] <- cell
      expect_true(all(is.na(features_of(lacking)[-1])))
    }
  }
})

test_that("[data-7] an amount that cannot be is refused", {
  for (cell in c("much", "NaN", "Inf", "-1", "1e300")) {
    row$amount <- cell
    expect_true(all(is.na(features_of(row)[-1])))
  }
})

test_that("[data-7] what is written is read again", {
  path <- tempfile()
  write_rows(data.frame(id = c("a", "b"), amount = c(1 / 3, NA)), path)
  again <- read_rows(path)
  expect_identical(as.numeric(again$amount), c(1 / 3, NA))
})

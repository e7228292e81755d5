test_that("options are read by name, in any order", {
  given <- c("--out", "o.csv", "--model", "m v.csv", "--in", "i.csv")
  expect_equal(read_arguments(c("model", "in", "out"), given)[["model"]], "m v.csv")
  expect_equal(read_arguments(c("model", "in", "out"), given)[["in"]], "i.csv")
})

test_that("a missing, unknown or repeated option is refused with the usage", {
  usage <- "expected --model MODEL --in IN"
  refused <- list(
    character(), c("--model", "m"), c("--model", "m", "--in"), c("--model", "m", "--in", "i", "--fast", "1"),
    c("--model", "m", "--model", "m", "--in", "i")
  )
  for (given in refused) expect_error(read_arguments(c("model", "in"), given), usage)
})

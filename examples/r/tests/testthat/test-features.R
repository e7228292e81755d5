test_that("[data-7] text becomes a number, and what is none becomes NA", {
  expect_equal(as_number(c("12", "1.5", "-3")), c(12, 1.5, -3))
  expect_true(all(is.na(as_number(c(NA, "", "NaN", "Inf", "-inf", "lots")))))
})

test_that("[data-7] impossible and incomplete rows are refused", {
  refused <- list(
    age = c("15", "56", "-1", "NaN", "old", NA),
    earnings_1974 = c("-1", "Inf", NA),
    earnings_1975 = c("-0.5", "nan", NA)
  )
  expect_true(is_usable(ordinary))
  for (column in names(refused)) {
    for (value in refused[[column]]) {
      row <- ordinary
      row[[column]] <- value
      expect_false(is_usable(row), label = paste(column, value))
    }
  }
})

test_that("[data-7] earnings above the survey's cap are read as the cap", {
  rows <- ordinary[c(1, 1), ]
  rows$earnings_1975 <- c("25244", "90000")
  features <- feature_matrix(rows)
  expect_identical(features[1, ], features[2, ])
})

test_that("[data-7] having no earnings is a feature of its own", {
  rows <- ordinary[c(1, 1), ]
  rows$earnings_1975 <- c("0", "1")
  expect_equal(unname(feature_matrix(rows)[, "none_now"]), c(1, 0))
})

test_that("[data-7] a row has the same features alone and in company", {
  rows <- evaluation[1:50, ]
  together <- feature_matrix(rows)
  for (i in 1:5) expect_identical(feature_matrix(rows[i, ])[1, ], together[i, ])
})

test_that("[data-7] no feature is missing or infinite over all ages and earnings", {
  rows <- expand.grid(age = 16:55, earnings_1974 = c(0, 1, 9e3, 1e6), earnings_1975 = c(0, 1, 9e3, 1e6))
  rows[] <- lapply(rows, as.character)
  expect_true(all(is.finite(feature_matrix(rows))))
})

test_that("[data-7] the table of features has every id, the values of the design matrix, and NA for a refused row", {
  refused <- data.frame(id = "x", age = "99", earnings_1974 = "1", earnings_1975 = "1")
  rows <- rbind(evaluation[1:20, c("id", RAW)], refused)
  table <- feature_table(rows)
  expect_equal(table$id, rows$id)
  names <- c("none_now", paste0("age", 1:3), paste0("before", 1:3), "none_before", paste0("now", 1:5))
  expect_equal(names(table)[-1], names)
  expect_equal(unname(as.matrix(table[1:20, -1])), unname(feature_matrix(rows[1:20, ])[, names(table)[-1]]))
  expect_true(all(is.na(table[21, -1])))
})

test_that("[data-7] a file may have a byte-order mark; a missing column is named", {
  file <- tempfile(fileext = ".csv")
  writeBin(c(as.raw(c(0xef, 0xbb, 0xbf)), charToRaw("id,age,earnings_1974,earnings_1975\na,30,1,2\n")), file)
  expect_equal(read_rows(file)$id, "a")
  writeLines("id,age\na,30", file)
  expect_error(read_rows(file), "has no column earnings_1974, earnings_1975")
})

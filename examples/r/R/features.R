# From raw rows to the design matrix. Training and serving both use this file and no other.

library(splines)

RAW <- c("age", "earnings_1974", "earnings_1975")

# The survey publishes earnings up to a cap; more is read as the cap.
CAPS <- c(earnings_1974 = 25862, earnings_1975 = 25244)
AGES <- c(lowest = 16, highest = 55)
# People outside the ages of the survey's sample are refused, not guessed.

# Someone: the names of the features do not depend on who it is.
ANYONE <- data.frame(age = "35", earnings_1974 = "0", earnings_1975 = "0")

KNOTS <- list(
  age = c(24, 33),
  earnings_1974 = c(9, 17.5),
  earnings_1975 = c(2.5, 8.5, 16.5, 24)
)

#' Numbers in a column of text: NA for an empty cell and for anything that is no finite number.
as_number <- function(text) {
  value <- suppressWarnings(as.numeric(text))
  value[!is.finite(value)] <- NA
  value
}

#' Which rows can describe a person of the survey: known age and earnings, within what is possible.
is_usable <- function(rows) {
  age <- as_number(rows$age)
  earned_1974 <- as_number(rows$earnings_1974)
  earned_1975 <- as_number(rows$earnings_1975)
  usable <- age >= AGES[["lowest"]] & age <= AGES[["highest"]] & earned_1974 >= 0 & earned_1975 >= 0
  !is.na(usable) & usable
}

#' Natural spline of earnings in thousands of dollars, 0 at no earnings.
earnings_curve <- function(rows, column) {
  thousands <- pmin(as_number(rows[[column]]), CAPS[[column]]) / 1000
  ns(thousands, knots = KNOTS[[column]], Boundary.knots = c(0, CAPS[[column]] / 1000))
}

#' The features of usable rows, one row each: the two years' earnings, whether there were any, age,
#' and how these act together.
feature_matrix <- function(rows) {
  age <- ns(as_number(rows$age), knots = KNOTS$age, Boundary.knots = AGES)
  before <- earnings_curve(rows, "earnings_1974")
  now <- earnings_curve(rows, "earnings_1975")
  none_before <- as.numeric(as_number(rows$earnings_1974) == 0)
  none_now <- as.numeric(as_number(rows$earnings_1975) == 0)
  matrix <- model.matrix(~ none_now * (age + before + none_before) + now * (before + age))
  rownames(matrix) <- NULL
  attributes(matrix)[c("assign", "contrasts")] <- NULL
  matrix
}

#' The features of every row, with its id: curves and flags, of which the design matrix also has the products. A refused
#' row has NA.
feature_table <- function(rows) {
  usable <- is_usable(rows)
  names <- grep("^[^(:]+$", colnames(feature_matrix(ANYONE)), value = TRUE)
  values <- matrix(NA_real_, nrow(rows), length(names), dimnames = list(NULL, names))
  if (any(usable)) values[usable, ] <- feature_matrix(rows[usable, , drop = FALSE])[, names, drop = FALSE]
  data.frame(id = rows$id, values)
}

#' Rows of CSV, every column as text; stops when a needed column is missing. `name` tells people where they come from.
rows_from <- function(..., name, needed = c("id", RAW)) {
  rows <- read.csv(..., colClasses = "character", na.strings = "", check.names = FALSE)
  missing <- setdiff(needed, names(rows))
  if (length(missing) > 0) {
    stop(name, " has no column ", paste(missing, collapse = ", "), call. = FALSE)
  }
  rows
}

#' Rows of a CSV file; a byte-order mark is skipped.
read_rows <- function(path, needed = c("id", RAW)) {
  if (!file.exists(path)) stop(path, " does not exist", call. = FALSE)
  rows_from(path, fileEncoding = "UTF-8-BOM", name = path, needed = needed)
}

#' Rows of a CSV text.
rows_of <- function(text) rows_from(text = text, name = "the request")

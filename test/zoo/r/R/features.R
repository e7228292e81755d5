# From raw rows to what the model sees; training, prediction and serving all come through here.

STATES <- c("act", "nsw", "vic")

#' The numbers in a column of text; NA where there is none, or one that cannot be.
as_number <- function(text, low, high) {
  value <- suppressWarnings(as.numeric(text))
  ifelse(is.finite(value) & value >= low & value <= high, value, NA)
}

#' The features of each row, with its id; a row that is refused has NA.
features_of <- function(rows) {
  amount <- as_number(rows$amount, 0, 1000)
  days <- as_number(rows$days, 0, 1000)
  refused <- is.na(amount) | is.na(days) | is.na(rows$state) | rows$state == ""
  found <- data.frame(
    id = rows$id,
    amount_scaled = (amount - 100) / 10,
    days_bend = ((days - 60) / 15)^2,
    state = rows$state
  )
  found[refused, -1] <- NA
  found
}

read_rows <- function(path) {
  read.csv(path, colClasses = "character", na.strings = "", check.names = FALSE)
}

write_rows <- function(rows, path) {
  numbers <- vapply(rows, is.numeric, TRUE)
  rows[numbers] <- lapply(rows[numbers], function(x) ifelse(is.na(x), NA, sprintf("%.17g", x)))
  write.csv(rows, path, row.names = FALSE, na = "", quote = FALSE)
}

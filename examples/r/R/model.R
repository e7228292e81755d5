# A logistic regression on the curves and interactions of features.R, kept as a table of coefficients
# that people can read and that is the same bytes for the same data.

#' Fits the model. Returns its coefficients by name and the mean log loss (nats) after each step.
fit_model <- function(rows, label) {
  if (length(unique(label)) != 2) stop("training needs rows of both classes", call. = FALSE)
  design <- feature_matrix(rows)
  steps <- capture.output(
    fit <- glm.fit(design, label, family = binomial(), control = glm.control(trace = TRUE))
  )
  if (!fit$converged) stop("the fit did not converge", call. = FALSE)
  # A curve that the data cannot tell apart from the others adds nothing.
  coefficients <- ifelse(is.na(fit$coefficients), 0, fit$coefficients)
  deviance <- as.numeric(sub("^Deviance = ([^ ]+) .*$", "\\1", steps))
  list(coefficients = coefficients, loss = deviance / (2 * length(label)))
}

#' Probability of each usable row, between 0 and 1.
scores_of <- function(coefficients, rows) {
  design <- feature_matrix(rows)
  if (!identical(colnames(design), names(coefficients))) {
    stop("the model was trained on other features: train again", call. = FALSE)
  }
  # Row sums instead of a matrix product: the same row gets the same bits in any batch.
  margin <- numeric(nrow(design))
  for (term in seq_along(coefficients)) margin <- margin + design[, term] * coefficients[[term]]
  plogis(margin)
}

#' Id and score of every row, in its order; a refused row has an empty score.
predict_rows <- function(coefficients, rows) {
  usable <- is_usable(rows)
  score <- rep(NA_real_, nrow(rows))
  if (any(usable)) score[usable] <- scores_of(coefficients, rows[usable, , drop = FALSE])
  data.frame(id = rows$id, score = score)
}

save_model <- function(coefficients, path) {
  # 17 digits bring back every double exactly.
  table <- data.frame(term = names(coefficients), coefficient = sprintf("%.17g", coefficients))
  write.csv(table, path, row.names = FALSE, quote = FALSE)
}

load_model <- function(path) {
  table <- read.csv(path, colClasses = c("character", "numeric"))
  setNames(table$coefficient, table$term)
}

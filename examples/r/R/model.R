# A logistic regression on the curves and interactions of features.R, kept as a table of coefficients
# that people can read and that is the same bytes for the same data.

# Hyperparameters; chosen on rows held out of the training table, see MODEL_CARD.md.
PARAMS <- list(
  l2 = 0 # pulls every coefficient but the intercept towards 0
)

#' Hyperparameters from a JSON file of plain numbers, {"l2": 0.5}; "-" keeps the defaults.
read_params <- function(path) {
  params <- PARAMS
  if (path == "-") return(params)
  text <- gsub("[[:space:]]", "", paste(readLines(path, warn = FALSE), collapse = ""))
  for (pair in strsplit(gsub("^\\{|\\}$", "", text), ",")[[1]]) {
    name <- sub('^"([^"]*)":.*$', "\\1", pair)
    value <- suppressWarnings(as.numeric(sub("^.*:", "", pair)))
    if (!name %in% names(params)) stop("there is no hyperparameter ", name, call. = FALSE)
    if (is.na(value) || value < 0) stop(name, " must be a number of 0 or more", call. = FALSE)
    params[[name]] <- value
  }
  params
}

#' Mean log loss, in nats; no score is so sure that it becomes infinite.
log_loss <- function(score, label) {
  sure <- pmin(pmax(score, 1e-15), 1 - 1e-15)
  -mean(label * log(sure) + (1 - label) * log(1 - sure))
}

#' Newton's steps from a fit to the one with a penalty of l2 / 2 times the sum of squares.
shrink <- function(design, label, coefficients, l2) {
  penalty <- l2 * (colnames(design) != "(Intercept)")
  loss <- numeric()
  for (step in 1:25) {
    score <- plogis(drop(design %*% coefficients))
    gradient <- crossprod(design, score - label) + penalty * coefficients
    change <- solve(crossprod(design, design * (score * (1 - score))) + diag(penalty), gradient)
    coefficients <- coefficients - drop(change)
    loss <- c(loss, log_loss(plogis(drop(design %*% coefficients)), label))
    if (max(abs(change)) < 1e-10) break
  }
  list(coefficients = coefficients, loss = loss)
}

#' Fits the model. Returns its coefficients by name and the mean log loss (nats) after each step.
fit_model <- function(rows, label, params = PARAMS) {
  if (length(unique(label)) != 2) stop("training needs rows of both classes", call. = FALSE)
  design <- feature_matrix(rows)
  steps <- capture.output(
    fit <- glm.fit(design, label, family = binomial(), control = glm.control(trace = TRUE))
  )
  if (!fit$converged) stop("the fit did not converge", call. = FALSE)
  # A curve that the data cannot tell apart from the others adds nothing.
  coefficients <- ifelse(is.na(fit$coefficients), 0, fit$coefficients)
  deviance <- as.numeric(sub("^Deviance = ([^ ]+) .*$", "\\1", steps))
  loss <- deviance / (2 * length(label))
  if (params$l2 == 0) return(list(coefficients = coefficients, loss = loss))
  shrunk <- shrink(design, label, coefficients, params$l2)
  list(coefficients = shrunk$coefficients, loss = c(loss, shrunk$loss))
}

#' Log odds of each usable row.
margins_of <- function(coefficients, rows) {
  design <- feature_matrix(rows)
  if (!identical(colnames(design), names(coefficients))) {
    stop("the model was trained on other features: train again", call. = FALSE)
  }
  # Row sums instead of a matrix product: the same row gets the same bits in any batch.
  margin <- numeric(nrow(design))
  for (term in seq_along(coefficients)) margin <- margin + design[, term] * coefficients[[term]]
  margin
}

#' Probability of each usable row, between 0 and 1.
scores_of <- function(coefficients, rows) plogis(margins_of(coefficients, rows))

#' Id and score of every row, in its order; a refused row has an empty score.
predict_rows <- function(coefficients, rows) {
  usable <- is_usable(rows)
  score <- rep(NA_real_, nrow(rows))
  if (any(usable)) score[usable] <- scores_of(coefficients, rows[usable, , drop = FALSE])
  data.frame(id = rows$id, score = score)
}

#' Writes the steps of each prediction: features, what each adds to the log odds, output. A refused
#' row has an empty score in the output and stands in no other step.
write_trace <- function(coefficients, rows, folder) {
  write <- function(table, name) {
    write.csv(table, file.path(folder, name), row.names = FALSE, na = "", quote = 1)
  }
  usable <- rows[is_usable(rows), , drop = FALSE]
  if (nrow(usable) > 0) {
    design <- feature_matrix(usable)
    write(data.frame(id = usable$id, design, check.names = FALSE), "01_features.csv")
    parts <- sweep(design, 2, coefficients, "*")
    margin <- margins_of(coefficients, usable)
    write(data.frame(id = usable$id, parts, log_odds = margin, check.names = FALSE), "02_log_odds.csv")
  }
  write(predict_rows(coefficients, rows), "03_output.csv")
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

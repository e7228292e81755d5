# A logistic regression, fitted by Newton's method on a drawn share of the rows.

STEPS <- 6

#' What the model adds up; NA in a row that is refused.
terms_of <- function(rows) {
  found <- features_of(rows)
  cbind(
    one = 1,
    amount_scaled = found$amount_scaled,
    days_bend = found$days_bend,
    nsw = as.numeric(found$state == "nsw"),
    vic = as.numeric(found$state == "vic")
  )
}

#' One row's sum does not depend on the others: no matrix product.
margin_of <- function(weights, x) {
  margin <- numeric(nrow(x))
  for (term in seq_along(weights)) margin <- margin + weights[[term]] * x[, term]
  margin
}

#' The weights, and the loss before each step.
fit <- function(rows, seed, l2, share) {
  x <- terms_of(rows)
  usable <- which(!is.na(rowSums(x)))
  set.seed(seed)
  drawn <- usable[sample.int(length(usable), max(1, round(share * length(usable))))]
  x <- x[drawn, , drop = FALSE]
  y <- as.numeric(rows$late[drawn])
  weights <- setNames(numeric(ncol(x)), colnames(x))
  losses <- numeric()
  for (step in seq_len(STEPS)) {
    p <- plogis(pmax(-30, pmin(30, margin_of(weights, x))))
    losses <- c(losses, -mean(ifelse(y == 1, log(p), log(1 - p))))
    gradient <- crossprod(x, p - y) + l2 * weights
    hessian <- crossprod(x, x * (p * (1 - p))) + diag(l2, ncol(x))
    weights <- weights - drop(solve(hessian, gradient))
  }
  list(weights = weights, losses = losses)
}

#' The probability of each row; NA for a row that is refused.
scores_of <- function(weights, rows) plogis(pmax(-30, pmin(30, margin_of(weights, terms_of(rows)))))

#' Whole or not at all.
save_model <- function(model, path) {
  dput(model, paste0(path, ".part"), control = c("niceNames", "digits17"))
  invisible(file.rename(paste0(path, ".part"), path))
}

load_model <- function(path) dget(path)

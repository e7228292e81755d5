# Rscript R/predict.R MODEL IN OUT

source("R/features.R")
source("R/model.R")

answers <- function(weights, rows) data.frame(id = rows$id, score = scores_of(weights, rows))

#' The steps of each prediction; the last one is the answer.
write_trace <- function(weights, rows, folder) {
  write_rows(features_of(rows), file.path(folder, "01_features.csv"))
  parts <- sweep(terms_of(rows), 2, weights, "*")
  write_rows(data.frame(id = rows$id, parts), file.path(folder, "02_log_odds.csv"))
  write_rows(answers(weights, rows), file.path(folder, "03_output.csv"))
}

main <- function(path, source, target) {
  weights <- load_model(path)$weights
  rows <- read_rows(source)
  write_rows(answers(weights, rows), target)
  folder <- Sys.getenv("FLIGHTCHECK_TRACE_DIR")
  if (nzchar(folder)) write_trace(weights, rows, folder)
}

do.call(main, as.list(commandArgs(trailingOnly = TRUE)))

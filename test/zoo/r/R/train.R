# Rscript R/train.R DATA SEED PARAMS MODEL

source("R/features.R")
source("R/model.R")

#' The numbers of a flat JSON object, by name.
read_params <- function(path) {
  text <- gsub("[{}\"[:space:]]", "", paste(readLines(path, warn = FALSE), collapse = ""))
  pairs <- strsplit(strsplit(text, ",")[[1]], ":")
  setNames(lapply(pairs, function(pair) as.numeric(pair[2])), vapply(pairs, `[`, "", 1))
}

main <- function(data, seed, params, path) {
  chosen <- read_params(params)
  rows <- read_rows(data)
  fitted <- fit(rows, as.integer(seed), chosen$l2, chosen$share)
  writeLines(
    sprintf('{"step": %d, "loss": %.12f}', seq_along(fitted$losses), fitted$losses),
    file.path(dirname(path), "metrics.jsonl")
  )
  save_model(list(weights = fitted$weights), path)
}

do.call(main, as.list(commandArgs(trailingOnly = TRUE)))

# Trains: Rscript R/train.R --data train.csv --seed 1 --params - --model model.csv

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
for (file in c("arguments.R", "features.R", "model.R")) source(file.path(here, file))

LABEL <- "changed"

main <- function(options) {
  # The fit has no random part; the seed is set so that it stays reproducible when it gains one.
  set.seed(as.integer(options$seed))
  rows <- read_rows(options$data, c("id", RAW, LABEL))
  if (!all(rows[[LABEL]] %in% c("0", "1"))) {
    stop("column ", LABEL, " must hold 0 or 1 in every row", call. = FALSE)
  }
  rows <- rows[is_usable(rows), ]
  fit <- fit_model(rows, as.integer(rows[[LABEL]]), read_params(options$params))
  save_model(fit$coefficients, options$model)
  writeLines(
    sprintf('{"step": %d, "loss": %.10f}', seq_along(fit$loss), fit$loss),
    file.path(dirname(options$model), "metrics.jsonl")
  )
}

main(read_arguments(c("data", "seed", "params", "model")))

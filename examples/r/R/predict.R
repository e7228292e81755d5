# Predicts: Rscript R/predict.R --model model.csv --in rows.csv --out scores.csv

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
for (file in c("arguments.R", "features.R", "model.R")) source(file.path(here, file))

main <- function(options) {
  model <- load_model(options$model)
  rows <- read_rows(options[["in"]])
  write.csv(predict_rows(model, rows), options$out, row.names = FALSE, na = "", quote = 1)
  trace <- Sys.getenv("FLIGHTCHECK_TRACE_DIR")
  if (nzchar(trace)) write_trace(model, rows, trace)
}

main(read_arguments(c("model", "in", "out")))

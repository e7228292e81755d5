# Predicts: Rscript R/predict.R --model model.csv --in rows.csv --out scores.csv

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
for (file in c("arguments.R", "features.R", "model.R")) source(file.path(here, file))

main <- function(options) {
  predictions <- predict_rows(load_model(options$model), read_rows(options[["in"]]))
  write.csv(predictions, options$out, row.names = FALSE, na = "", quote = 1)
}

main(read_arguments(c("model", "in", "out")))

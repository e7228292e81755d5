# Computes features: Rscript R/compute_features.R --in rows.csv --out features.csv

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
for (file in c("arguments.R", "features.R")) source(file.path(here, file))

main <- function(options) {
  write.csv(feature_table(read_rows(options[["in"]])), options$out, row.names = FALSE, na = "", quote = 1)
}

main(read_arguments(c("in", "out")))

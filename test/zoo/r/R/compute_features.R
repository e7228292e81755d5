# Rscript R/compute_features.R IN OUT

source("R/features.R")

given <- commandArgs(trailingOnly = TRUE)
write_rows(features_of(read_rows(given[1])), given[2])

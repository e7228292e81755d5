# Rscript R/serve.R MODEL PORT: GET /health, POST /predict (CSV), by the server that shows R's own help pages.

source("R/features.R")
source("R/model.R")

given <- commandArgs(trailingOnly = TRUE)
weights <- load_model(given[1])$weights

answer <- function(path, query, body, headers) {
  if (path != "/predict") return(list(payload = "ok", "content-type" = "text/plain"))
  rows <- read.csv(text = rawToChar(body), colClasses = "character", na.strings = "", check.names = FALSE)
  score <- scores_of(weights, rows)
  lines <- paste0(rows$id, ",", ifelse(is.na(score), "", sprintf("%.17g", score)))
  list(payload = paste0(paste(c("id,score", lines), collapse = "\n"), "\n"), "content-type" = "text/csv")
}

help <- asNamespace("tools")
unlockBinding("httpd", help)
assign("httpd", answer, help)
options(help.ports = as.integer(given[2]))
tools::startDynamicHelp(TRUE)
repeat Sys.sleep(3600)

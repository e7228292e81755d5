# Serves the model on this machine: Rscript R/serve.R --model model.csv --port 8000
#
# GET /health answers 200 when the model is loaded. POST /predict takes rows as CSV and answers id and score as CSV, with
# an empty score for a row that the model refuses. One request after the other, at 127.0.0.1 alone.

here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
for (file in c("arguments.R", "features.R", "model.R", "answers.R")) source(file.path(here, file))

given <- read_arguments(c("model", "port"))
model <- load_model(given$model)

# The server of R's help pages: R's own sockets listen to the whole network.
httpd <- function(path, query, body, headers) answer_request(model, path, body)
utils::assignInNamespace("httpd", httpd, ns = "tools")
options(help.ports = as.integer(given$port))
if (tools::startDynamicHelp(TRUE) == 0) stop("port ", given$port, " is taken", call. = FALSE)
repeat Sys.sleep(3600)

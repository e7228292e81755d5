# What the server answers; serve.R starts it.

#' An answer in the form that R's own HTTP server sends.
reply <- function(status, type, text) {
  list(payload = text, "content-type" = paste0(type, "; charset=utf-8"), headers = character(), "status code" = status)
}

#' Scores of the rows of a CSV text, as CSV.
answer_rows <- function(model, text) {
  answers <- predict_rows(model, rows_of(text))
  paste0(capture.output(write.csv(answers, row.names = FALSE, na = "", quote = 1)), "\n", collapse = "")
}

#' The answer to a request: GET /health, or POST /predict with rows as CSV in its body (raw bytes; NULL for a GET).
answer_request <- function(model, path, body) {
  if (path == "/health") return(reply(200L, "text/plain", "ok"))
  if (path != "/predict") return(reply(404L, "text/plain", "there is /health and /predict"))
  type <- sub(";.*$", "", c(attr(body, "content-type"), "")[1])
  if (type != "text/csv") return(reply(415L, "text/plain", "send text/csv"))
  text <- rawToChar(body)
  Encoding(text) <- "UTF-8"
  tryCatch(
    reply(200L, "text/csv", answer_rows(model, text)),
    error = function(problem) reply(400L, "text/plain", conditionMessage(problem))
  )
}

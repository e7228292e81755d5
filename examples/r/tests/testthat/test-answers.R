post <- function(text, type = "text/csv; charset=utf-8") {
  answer_request(trained, "/predict", structure(charToRaw(text), "content-type" = type))
}
file <- file.path(root, "data", "eval.csv")
text <- paste0(readLines(file), "\n", collapse = "")

test_that("[infra-6] served answers are those of predict", {
  answer <- post(text)
  expect_equal(answer[["status code"]], 200L)
  expect_equal(read.csv(text = answer$payload, colClasses = c("character", "numeric")), predict_rows(trained, evaluation))
})

test_that("[infra-6] a refused row has an empty score, and a strange id stays what it is", {
  answer <- post('id,age,earnings_1974,earnings_1975\n"a, \u00fc",35,0,0\nb,7,0,0\n')
  lines <- strsplit(answer$payload, "\n")[[1]]
  expect_match(lines[2], '^"a, \u00fc",0[.][0-9]+$')
  expect_equal(lines[c(1, 3)], c('"id","score"', '"b",'))
})

test_that("health, and what is not there", {
  expect_equal(answer_request(trained, "/health", NULL)[["status code"]], 200L)
  expect_equal(answer_request(trained, "/other", NULL)[["status code"]], 404L)
})

test_that("bodies that are refused", {
  expect_equal(answer_request(trained, "/predict", NULL)[["status code"]], 415L)
  expect_equal(post("[]", "application/json")[["status code"]], 415L)
  answer <- post("id,age\na,35\n")
  expect_equal(answer[["status code"]], 400L)
  expect_match(answer$payload, "the request has no column earnings_1974, earnings_1975")
})

test_that("[infra-6] the server answers until it is ended", {
  model <- tempfile(fileext = ".csv")
  save_model(trained, model)
  port <- 20000 + Sys.getpid() %% 10000
  options <- c("--vanilla", file.path(root, "R", "serve.R"), "--model", model, "--port", port)
  command <- paste(shQuote(c(file.path(R.home("bin"), "Rscript"), options)), collapse = " ")
  process <- as.integer(system(paste(command, ">/dev/null 2>&1 & echo $!"), intern = TRUE))
  on.exit(tools::pskill(process))
  health <- function() {
    connection <- url(paste0("http://127.0.0.1:", port, "/health"))
    on.exit(close(connection))
    suppressWarnings(tryCatch(readLines(connection, warn = FALSE), error = function(e) "not yet"))
  }
  for (try in 1:200) {
    if (health() == "ok") break
    Sys.sleep(0.1)
  }
  expect_equal(health(), "ok")
})

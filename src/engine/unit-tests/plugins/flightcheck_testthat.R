# Flightcheck's runner and reporter for testthat:
#   Rscript flightcheck_testthat.R FOLDER JUNIT COVERAGE
# COVERAGE is - when it is not wanted. The reporter writes one case for each test_that(), the worst of its expectations,
# with file and line, and renames nothing, and says of a marked test that it asserts nothing. The file is whole after each test file, so that what ended is kept.
suppressPackageStartupMessages(library(testthat))

inner <- Sys.getenv("FLIGHTCHECK_TEST_INNER") != ""
given <- if (inner) strsplit(Sys.getenv("FLIGHTCHECK_TEST_INNER"), "\n", fixed = TRUE)[[1]] else commandArgs(trailingOnly = TRUE)
folder <- given[[1]]
junit <- given[[2]]
measured <- given[[3]]

escape <- function(text) {
  text <- enc2utf8(paste(as.character(text), collapse = "\n"))
  text[!validUTF8(text)] <- iconv(text[!validUTF8(text)], "latin1", "UTF-8")
  text <- gsub("&", "&amp;", text, fixed = TRUE)
  text <- gsub("<", "&lt;", text, fixed = TRUE)
  text <- gsub(">", "&gt;", text, fixed = TRUE)
  text <- gsub("\"", "&quot;", text, fixed = TRUE)
  gsub("[\001-\010\013\014\016-\037]", "?", text, perl = TRUE)
}
write_text <- function(lines, path) {
  file <- file(path, "wb")
  on.exit(close(file))
  writeLines(enc2utf8(lines), file, useBytes = TRUE)
}

ranks <- c(passed = 0, skipped = 1, failed = 2, error = 3)
kind_of <- function(result) {
  if (inherits(result, "expectation_error")) return("error")
  if (inherits(result, "expectation_failure")) return("failed")
  if (inherits(result, "expectation_skip")) return("skipped")
  "passed"
}

# Names that can make a test fail, as in the plugin for pytest; and what makes of constants a constant.
telling <- "expect|assert|stop|abort|fail|verif|check|valid|should|ensure|must"
plain <- c("(", "{", "+", "-", "*", "/", "^", "!", "&", "&&", "|", "||", "==", "!=", "<", "<=", ">", ">=", ":", "c", "list", "T", "F")

# The name of what is called: f of f(), p::f() and a$f().
called <- function(call) {
  head <- call[[1]]
  if (is.call(head) && length(head) == 3) head <- head[[3]]
  if (is.name(head) || is.character(head)) as.character(head)[[1]] else ""
}

says_something <- function(parts) length(setdiff(unlist(lapply(parts, all.names)), plain)) > 0

# FALSE where nothing in the code can make a test fail but an error. `helpers` are the functions that stand beside the tests.
may_assert <- function(code, helpers, seen = character()) {
  if (is.name(code)) return(grepl(telling, code, ignore.case = TRUE))
  if (!is.call(code)) return(FALSE)
  name <- called(code)
  parts <- as.list(code)[-1]
  if (grepl("^expect_|^stopifnot$", name)) return(says_something(parts))
  if (grepl(telling, name, ignore.case = TRUE)) return(TRUE)
  # A pipe of a package hands the left side to the right one.
  if (name == "%>%" && is.call(parts[[2]]) && says_something(parts[1]) && grepl(telling, called(parts[[2]]))) return(TRUE)
  own <- setdiff(which(names(helpers) == name), seen)
  if (any(vapply(own, function(i) may_assert(helpers[[i]], helpers, c(seen, own)), NA))) return(TRUE)
  for (part in c(if (is.call(code[[1]])) list(code[[1]]), parts)) if (!missing(part) && may_assert(part, helpers, seen)) return(TRUE)
  FALSE
}

expressions_of <- function(file) tryCatch(as.list(parse(file, keep.source = FALSE)), error = function(e) list())

# The functions that a file of tests or helpers gives names to.
functions_of <- function(expressions) {
  found <- list()
  for (each in expressions) {
    if (!is.call(each) || !called(each) %in% c("<-", "=") || length(each) != 3 || !is.name(each[[2]])) next
    if (is.call(each[[3]]) && called(each[[3]]) == "function") found[[as.character(each[[2]])]] <- each[[3]][[3]]
  }
  found
}

# The names of the tests of a file that assert nothing; a name that is computed is not read.
hollow_in <- function(filename) {
  expressions <- expressions_of(filename)
  beside <- list.files(dirname(filename), pattern = "^(helper|setup).*[.][rR]$", full.names = TRUE)
  helpers <- c(functions_of(expressions), functions_of(unlist(lapply(beside, expressions_of))))
  found <- list()
  look <- function(code, around) {
    if (!is.call(code)) return(invisible())
    name <- called(code)
    if (name %in% c("test_that", "it", "describe") && length(code) > 2 && is.character(code[[2]])) {
      name_here <- paste(c(around, code[[2]]), collapse = ": ")
      if (name == "describe") return(look(code[[3]], c(around, code[[2]])))
      found[[name_here]] <<- c(found[[name_here]], may_assert(code[[3]], helpers))
    } else for (part in as.list(code)) if (!missing(part)) look(part, around)
  }
  for (each in expressions) look(each, NULL)
  names(Filter(function(asserts) !any(asserts), found))
}

FlightcheckReporter <- R6::R6Class("FlightcheckReporter",
  inherit = testthat::Reporter,
  public = list(
    cases = NULL, file = "", source = character(), hollow = character(), started = NULL,
    initialize = function(...) {
      super$initialize(...)
      self$cases <- new.env(parent = emptyenv())
      # All expectations of a test are wanted: testthat stops at the first failure of none.
      self$capabilities$parallel_support <- FALSE
    },
    start_file = function(filename) {
      self$file <- file.path(folder, filename)
      # testthat runs in the folder of the tests.
      self$source <- tryCatch(readLines(filename, warn = FALSE), error = function(e) character())
      self$hollow <- tryCatch(hollow_in(filename), error = function(e) character())
    },
    start_test = function(context, test) {
      self$started <- proc.time()[["elapsed"]]
      running <- Sys.getenv("FLIGHTCHECK_TEST_RUNNING")
      if (running != "") write_text(paste0(self$file, ": ", test), running)
    },
    case = function(test) {
      key <- paste(self$file, test, sep = "\n")
      if (is.null(self$cases[[key]])) {
        at <- suppressWarnings(grep(encodeString(test, quote = "\""), self$source, fixed = TRUE, useBytes = TRUE))
        self$cases[[key]] <- list(
          order = length(ls(self$cases)), file = self$file, name = test,
          status = "passed", line = if (length(at) > 0) at[[1]] else NA, message = "", text = "", seconds = 0,
          hollow = startsWith(test, "[") && test %in% self$hollow
        )
      }
      key
    },
    add_result = function(context, test, result) {
      key <- self$case(if (is.null(test)) "(code outside of test_that)" else test)
      case <- self$cases[[key]]
      place <- result$srcref
      line <- NA
      if (inherits(place, "srcref") && basename(attr(place, "srcfile")$filename) == basename(self$file)) line <- place[[1]]
      status <- kind_of(result)
      if (ranks[[status]] > ranks[[case$status]]) {
        case$status <- status
        case$line <- if (is.na(line)) case$line else line
        case$message <- strsplit(conditionMessage(result), "\n", fixed = TRUE)[[1]][1]
        case$text <- tryCatch(format(result), error = function(e) conditionMessage(result))
      } else if (is.na(case$line)) case$line <- line
      self$cases[[key]] <- case
    },
    end_test = function(context, test) {
      key <- self$case(test)
      case <- self$cases[[key]]
      case$seconds <- case$seconds + proc.time()[["elapsed"]] - self$started
      self$cases[[key]] <- case
    },
    end_file = function() {
      cases <- Filter(function(case) case$file == self$file, as.list(self$cases))
      statuses <- vapply(cases, function(case) case$status, "")
      cat(self$file, ": ", length(cases), " tests, ", sum(statuses %in% c("failed", "error")), " failed\n", sep = "")
      self$write()
    },
    end_reporter = function() {
      self$write()
      # A note that is left says that the run ended in the middle of that test.
      unlink(Sys.getenv("FLIGHTCHECK_TEST_RUNNING"))
    },
    is_fine = function() {
      all(vapply(as.list(self$cases), function(case) case$status %in% c("passed", "skipped"), NA))
    },
    write = function() {
      cases <- as.list(self$cases)
      cases <- cases[order(vapply(cases, function(case) case$order, 0))]
      lines <- vapply(cases, function(case) {
        element <- c(failed = "failure", error = "error", skipped = "skipped")[case$status]
        inside <- if (is.na(element)) "" else sprintf(
          "<%s message=\"%s\">%s</%s>", element, escape(case$message), escape(substr(case$text, 1, 8000)), element
        )
        if (case$hollow) inside <- paste0("<properties><property name=\"ml_test_asserts\" value=\"nothing\"/></properties>", inside)
        line <- if (is.finite(case$line)) sprintf(" line=\"%d\"", as.integer(case$line)) else ""
        sprintf(
          "<testcase classname=\"%s\" name=\"%s\" file=\"%s\"%s time=\"%.3f\">%s</testcase>",
          escape(sub("[.][rR]$", "", basename(case$file))), escape(case$name), escape(case$file), line, case$seconds, inside
        )
      }, "")
      write_text(c(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<testsuites>", "<testsuite name=\"testthat\">",
        unname(lines), "</testsuite>", "</testsuites>"
      ), junit)
    }
  )
)
reporter <- FlightcheckReporter$new()

write_coverage <- function(coverage) {
  table <- covr::tally_coverage(coverage, by = "line")
  files <- if (is.null(table)) character() else unique(as.character(table$filename))
  classes <- vapply(files, function(name) {
    rows <- table[as.character(table$filename) == name, ]
    hits <- sprintf("<line number=\"%d\" hits=\"%d\"/>", as.integer(rows$line), as.integer(rows$value))
    sprintf("<class filename=\"%s\"><lines>%s</lines></class>", escape(name), paste(hits, collapse = ""))
  }, "")
  write_text(c(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>", "<coverage><sources><source>.</source></sources>",
    "<packages><package name=\"R\"><classes>", unname(classes), "</classes></package></packages></coverage>"
  ), measured)
}

# A repo that is no package: what the tests source is loaded once, where covr can measure it.
measured_sources <- function(folder) {
  options(keep.source = TRUE, keep.parse.data = TRUE)
  around <- new.env(parent = globalenv())
  traced <- new.env(parent = around)
  loaded <- character()
  around$source <- function(file, ..., chdir = FALSE) {
    if (!is.character(file)) return(base::source(file, ...))
    path <- normalizePath(file, mustWork = TRUE)
    if (path %in% loaded) return(invisible())
    loaded <<- c(loaded, path)
    sys.source(path, envir = traced, keep.source = TRUE, chdir = chdir)
    invisible()
  }
  before <- setwd(folder)
  on.exit(setwd(before))
  source_test_helpers(".", env = traced)
  for (file in list.files(pattern = "^test.*[.][rR]$")) {
    for (expression in as.list(parse(file, keep.source = FALSE))) {
      names <- all.names(expression)
      if ("source" %in% names && !any(c("test_that", "it", "describe") %in% names)) try(eval(expression, traced), silent = TRUE)
    }
  }
  traced
}

run <- function(...) test_dir(folder, reporter = reporter, stop_on_failure = FALSE, ...)
is_package <- file.exists("DESCRIPTION") && file.exists("NAMESPACE")
name <- if (is_package) read.dcf("DESCRIPTION", fields = "Package")[[1]] else NULL

if (inner) {
  invisible(run(package = name, load_package = "installed"))
  quit(status = 0)
}
if (is_package && measured != "-") {
  Sys.setenv(FLIGHTCHECK_TEST_INNER = paste(c(folder, junit, "-"), collapse = "\n"))
  script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)[1])
  code <- sprintf("setwd(%s); source(%s)", deparse(getwd()), deparse(script))
  coverage <- tryCatch(covr::package_coverage(".", type = "none", code = code, quiet = TRUE), error = function(e) e)
  Sys.unsetenv("FLIGHTCHECK_TEST_INNER")
  if (inherits(coverage, "error")) cat("coverage was not measured: ", conditionMessage(coverage), "\n", sep = "")
  else write_coverage(coverage)
  if (file.exists(junit)) quit(status = 0)
}
if (is_package) {
  invisible(run(package = name, load_package = "source"))
} else {
  traced <- if (measured == "-") NULL else tryCatch(measured_sources(folder), error = function(e) {
    cat("coverage was not measured: ", conditionMessage(e), "\n", sep = "")
    NULL
  })
  if (is.null(traced)) {
    invisible(run(load_package = "none"))
  } else {
    options(flightcheck.run = function(env) run(env = env, load_helpers = FALSE, load_package = "none"))
    script <- tempfile(fileext = ".R")
    writeLines("getOption(\"flightcheck.run\")(environment())", script)
    write_coverage(covr::environment_coverage(traced, script))
  }
}
quit(status = if (reporter$is_fine()) 0 else 1)

# Command line options of the form --name value.

#' Values of the named options; stops with the usage when one is missing or unknown.
read_arguments <- function(names, given = commandArgs(trailingOnly = TRUE)) {
  usage <- paste0("--", names, " ", toupper(names), collapse = " ")
  flags <- given[c(TRUE, FALSE)]
  values <- given[c(FALSE, TRUE)]
  if (length(given) %% 2 != 0 || !identical(sort(flags), sort(paste0("--", names)))) {
    stop("expected ", usage, call. = FALSE)
  }
  setNames(as.list(values), sub("^--", "", flags))
}

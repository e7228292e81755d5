/**
 * The program that makes a logged MLflow model the predict hook. It runs where any hook runs: unpickling is executing code of
 * whoever logged the model.
 */
import type { HookCommand } from '../../facts/command.ts';
import type { ResolvedManifest } from '../../kernel/manifest.ts';

const program = `
import csv, json, os, sys

model_path, rows_path, out_path, options = sys.argv[1:5]
options = json.loads(options)
try:
    import mlflow.pyfunc
    import numpy as np
    import pandas as pd
except ImportError as error:
    sys.exit("%s: hooks.setup must install mlflow and what the model needs" % error)
if not os.path.isfile(os.path.join(model_path, "MLmodel")):
    sys.exit("the model holds no file MLmodel: it was not logged as an MLflow model")

model = mlflow.pyfunc.load_model(model_path)
if "python_function" not in model.metadata.flavors:
    sys.exit("the model has no python_function flavour")
ids = options["id"]
with open(rows_path, newline="") as f:
    header = next(csv.reader(f))
rows = pd.read_csv(rows_path, dtype={ids: str}, keep_default_na=False, na_values=[""])
signature = model.metadata.get_input_schema()
names = signature.input_names() if signature is not None and signature.has_input_names() else None
if names is None:
    names = options["features"] or [name for name in header if name != ids]
missing = [name for name in names if name not in rows.columns]
if missing:
    sys.exit("the model wants columns that the rows do not have: %s" % ", ".join(map(str, missing)))
table = rows[list(names)].copy()
if signature is not None and signature.has_input_names():
    for column in signature.inputs:
        kind = column.type.name if hasattr(column.type, "name") else ""
        if kind in ("double", "float"):
            table[column.name] = table[column.name].astype("float64" if kind == "double" else "float32")
        elif kind in ("integer", "long") and not table[column.name].isna().any():
            table[column.name] = table[column.name].astype("int64" if kind == "long" else "int32")
        elif kind == "string":
            table[column.name] = table[column.name].astype(object).where(table[column.name].isna(), table[column.name].astype(str))

answer = model.predict(table)
if isinstance(answer, pd.DataFrame):
    known = [name for name in answer.columns if str(name) in ("score", "prediction") or str(name).startswith("p_")]
    if known:
        out = answer[known]
    elif answer.shape[1] == 1:
        out = pd.DataFrame({"prediction": answer.iloc[:, 0].to_numpy()})
    else:
        sys.exit("the model answers with columns %s: score, prediction or p_<class> are needed" % ", ".join(map(str, answer.columns)))
else:
    values = np.asarray(answer)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim == 1:
        out = pd.DataFrame({"prediction": values})
    elif values.ndim == 2 and options["task"] == "binary" and values.shape[1] == 2:
        out = pd.DataFrame({"score": values[:, 1]})
    else:
        sys.exit("the model answers with an array of shape %s: one value per row is needed" % (values.shape,))
if len(out) != len(rows):
    sys.exit("the model answered %d rows of %d" % (len(out), len(rows)))
# Empty is a row that the model refused; a NaN is an answer, and a wrong one.
is_nan = lambda value: isinstance(value, (float, np.floating)) and value != value
out = out.reset_index(drop=True).astype(object)
out = out.apply(lambda column: column.map(lambda value: "NaN" if is_nan(value) else value))
out.insert(0, "id", rows[ids] if ids in rows.columns else range(len(rows)))
out.to_csv(out_path, index=False)
`;

/** The command behind `predict: mlflow:...`. */
export function mlflowCommand(source: string, { task, columns }: ResolvedManifest): HookCommand {
  const features = columns.features === 'auto' ? null : columns.features;
  const options = JSON.stringify({ task, id: columns.id, features });
  return {
    source: source.trim(),
    words: [
      [{ text: 'python3' }],
      [{ text: '-c' }],
      [{ text: program }],
      [{ placeholder: 'model' }],
      [{ placeholder: 'in' }],
      [{ placeholder: 'out' }],
      [{ text: options }],
    ],
    isShell: false,
    uses: new Set(['model', 'in', 'out']),
  };
}

import { edit, type Fault } from '../fault.ts';

const roundedAnswer = {
  python: edit('src/serve.py', "'' if answer is None else answer", "'' if answer is None else round(answer, 2)"),
  r: edit('R/serve.R', 'sprintf("%.17g", score)', 'sprintf("%.2f", score)'),
};

export const infraFaults: readonly Fault[] = [
  {
    name: 'a training that draws its rows without the seed',
    caughtBy: 'infra-1',
    also: { 'infra-2': 'a training that was killed and started again must make the same model, and no training here does' },
    code: {
      python: [edit('src/model.py', 'random.Random(seed)', 'random.Random()')],
      r: [edit('R/model.R', '  set.seed(seed)\n', '')],
    },
  },
  {
    name: 'a killed training that leaves half a model behind',
    caughtBy: 'infra-2',
    code: {
      python: [
        edit(
          'src/train.py',
          '    weights, losses = ',
          '    model.save({"weights": [0.1] * len(model.TERMS)}, path)\n    time.sleep(2)\n    weights, losses = ',
        ),
        edit('src/train.py', 'import sys\n', 'import sys\nimport time\n'),
      ],
      r: [edit('R/train.R', '  fitted <- ', '  save_model(list(weights = rep(0.1, 5)), path)\n  Sys.sleep(2)\n  fitted <- ')],
    },
  },
  {
    name: 'a training in blocks of 1,000 rows that stumbles when the last is full',
    caughtBy: 'infra-3',
    code: {
      python: [
        edit(
          'src/train.py',
          '    rows = read(data)\n',
          '    rows = read(data)\n    blocks = [rows[i : i + 1000] for i in range(0, len(rows) + 1, 1000)]\n    print("the last block begins with", blocks[-1][0]["id"])\n',
        ),
      ],
      r: [
        edit(
          'R/train.R',
          '  rows <- read_rows(data)\n',
          '  rows <- read_rows(data)\n  last <- rows$id[seq_len(nrow(rows)) > 1000 * (nrow(rows) %/% 1000)]\n  message("the last block begins with ", last[[1]])\n',
        ),
      ],
    },
  },
  {
    name: 'a model that is blind to long waits, where the release before saw them',
    caughtBy: 'infra-4',
    code: {
      python: [edit('src/model.py', 'found["days_bend"], *', 'min(found["days_bend"], 1.2), *')],
      r: [edit('R/model.R', 'days_bend = found$days_bend', 'days_bend = pmin(found$days_bend, 1.2)')],
    },
  },
  {
    name: 'a trace that ends in something else than the answer',
    caughtBy: 'infra-5',
    code: {
      python: [
        edit(
          'src/predict.py',
          '"03_output.csv"), ("id", "score"), answers(weights, rows))',
          '"03_output.csv"), ("id", "score"), [{"id": row["id"], "score": 0.5} for row in rows])',
        ),
      ],
      r: [
        edit(
          'R/predict.R',
          'write_rows(answers(weights, rows), file.path(folder',
          'write_rows(data.frame(id = rows$id, score = 0.5), file.path(folder',
        ),
      ],
    },
  },
  {
    name: 'a server that rounds its answers',
    caughtBy: 'infra-6',
    code: { python: [roundedAnswer.python], r: [roundedAnswer.r] },
  },
  {
    name: 'a release before whose server rounds its answers',
    caughtBy: 'infra-7',
    release: { python: [roundedAnswer.python], r: [roundedAnswer.r] },
  },
];

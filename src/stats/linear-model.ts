/** Small linear models for baselines: ridge-stabilised least squares and logistic regression (IRLS). */
type Kind = 'linear' | 'logistic';

/** Solves A x = b for a symmetric positive definite A (Cholesky), in place; A is row-major, p x p. */
function solve(a: Float64Array, b: Float64Array): Float64Array {
  const p = b.length;
  const at = (i: number, j: number): number => a[i * p + j] ?? 0;
  for (let i = 0; i < p; i++)
    for (let j = 0; j <= i; j++) {
      let sum = at(i, j);
      for (let k = 0; k < j; k++) sum -= at(i, k) * at(j, k);
      a[i * p + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / at(j, j);
    }
  for (let i = 0; i < p; i++) {
    let sum = b[i] ?? 0;
    for (let k = 0; k < i; k++) sum -= at(i, k) * (b[k] ?? 0);
    b[i] = sum / at(i, i);
  }
  for (let i = p - 1; i >= 0; i--) {
    let sum = b[i] ?? 0;
    for (let k = i + 1; k < p; k++) sum -= at(k, i) * (b[k] ?? 0);
    b[i] = sum / at(i, i);
  }
  return b;
}

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-Math.max(-30, Math.min(30, z))));

/** Linear predictor of one row of the row-major design `x`. */
function predictorOf(x: Float64Array, row: number, beta: Float64Array): number {
  let z = 0;
  for (let j = 0; j < beta.length; j++) z += (x[row * beta.length + j] ?? 0) * (beta[j] ?? 0);
  return z;
}

/**
 * Fits `y ~ x`; `x` is row-major with `columns` columns, the first of them 1 (not penalised). Columns should be
 * standardised. `ridge` is the penalty per row, which keeps separable and collinear data finite.
 * McCullagh, Nelder: Generalized Linear Models (1989), 2.5.
 */
export function fitLinearModel(x: Float64Array, y: Float64Array, columns: number, kind: Kind, ridge = 1e-3): Float64Array {
  let beta: Float64Array = new Float64Array(columns);
  for (let step = 0; step < (kind === 'linear' ? 1 : 25); step++) {
    const hessian = new Float64Array(columns * columns);
    const gradient = new Float64Array(columns);
    for (let row = 0; row < y.length; row++) {
      const z = predictorOf(x, row, beta);
      const mean = kind === 'linear' ? z : sigmoid(z);
      const weight = kind === 'linear' ? 1 : Math.max(1e-9, mean * (1 - mean));
      const residual = (y[row] ?? 0) - mean;
      for (let i = 0; i < columns; i++) {
        const xi = x[row * columns + i] ?? 0;
        if (xi === 0) continue;
        gradient[i] = (gradient[i] ?? 0) + xi * residual;
        for (let j = 0; j <= i; j++)
          hessian[i * columns + j] = (hessian[i * columns + j] ?? 0) + weight * xi * (x[row * columns + j] ?? 0);
      }
    }
    for (let i = 1; i < columns; i++) {
      hessian[i * columns + i] = (hessian[i * columns + i] ?? 0) + ridge * y.length;
      gradient[i] = (gradient[i] ?? 0) - ridge * y.length * (beta[i] ?? 0);
    }
    hessian[0] = (hessian[0] ?? 0) + 1e-9;
    const delta = solve(hessian, gradient);
    beta = beta.map((value, i) => value + (delta[i] ?? 0));
    if (Math.max(...delta.map(Math.abs)) < 1e-8) break;
  }
  return beta;
}

/** Predictions of a fitted model: the mean, or the probability of a yes. */
export function predictLinearModel(x: Float64Array, beta: Float64Array, kind: Kind): Float64Array {
  const rows = x.length / beta.length;
  return Float64Array.from({ length: rows }, (_, row) => {
    const z = predictorOf(x, row, beta);
    return kind === 'linear' ? z : sigmoid(z);
  });
}

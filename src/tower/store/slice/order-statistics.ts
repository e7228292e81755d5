/** Puts at `place` the value that stands there in order, what is not larger before it and what is not smaller behind it. */
function select(values: Float64Array, place: number): void {
  let [first, last] = [0, values.length - 1];
  while (first < last) {
    // By chance, so that no order of values makes it slow.
    const pivot = values[first + Math.floor(Math.random() * (last - first + 1))] as number;
    let [left, right] = [first, last];
    while (left <= right) {
      while ((values[left] as number) < pivot) left++;
      while ((values[right] as number) > pivot) right--;
      if (left > right) break;
      const swapped = values[left] as number;
      values[left++] = values[right] as number;
      values[right--] = swapped;
    }
    if (place <= right) last = right;
    else if (place >= left) first = left;
    else return;
  }
}

/**
 * The value below which this fraction of all lies, between two of them in proportion: to the last bit `percentile_cont` of
 * PostgreSQL. @param values At least one, none of them NaN; their order changes.
 */
export function percentileOf(values: Float64Array, fraction: number): number {
  const rank = fraction * (values.length - 1);
  const place = Math.floor(rank);
  select(values, place);
  const low = values[place] as number;
  if (rank === place) return low;
  let high = values[place + 1] as number;
  for (let i = place + 2; i < values.length; i++) high = Math.min(high, values[i] as number);
  return low + (rank - place) * (high - low);
}

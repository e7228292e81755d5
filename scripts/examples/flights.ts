/**
 * Prepares the tables of examples/python from the US on-time performance records of the Bureau of
 * Transportation Statistics, as kept by the npm package vega-datasets. Run by hand, never in CI:
 *
 *   npm pack vega-datasets@3.2.1 && tar xzf vega-datasets-3.2.1.tgz
 *   npx tsx scripts/examples/flights.ts package/data examples/python/data
 *
 *   npx tsx scripts/examples/serving-log.ts examples/python requests/2001-06.csv serving/2001-06.csv
 *
 * The same input gives the same bytes: rows are chosen by a hash of their content.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';

/** Rows of each table; later flights are never in an earlier table. */
const ROWS = { train: 5000, eval: 4200, serving: 1400 };

/** A landing is known to the others this many minutes later; also the margin of the estimated flight time. */
const REPORT_MINUTES = 15;

/** Hours behind UTC in winter; airports whose zone is not that of most of their state are named one by one. */
const zones = `
  case
    when iata in ('ELP') then 7
    when iata in ('PNS', 'VPS', 'PFN', 'EVV') then 6
    when iata in ('CVG', 'SDF', 'LEX', 'TYS', 'CHA', 'TRI') then 5
    when state in ('PR', 'VI') then 4
    when state in ('CT','ME','MA','NH','RI','VT','NJ','NY','PA','DE','DC','FL','GA','MD','NC','SC','VA','WV','OH','MI','IN') then 5
    when state in ('AL','AR','IL','IA','KS','KY','LA','MN','MS','MO','NE','ND','OK','SD','TN','TX','WI') then 6
    when state in ('AZ','CO','ID','MT','NM','UT','WY') then 7
    when state in ('CA','NV','OR','WA') then 8
    when state in ('AK') then 9
    when state in ('HI') then 10
  end`;
/** Where clocks did not change on 1 April 2001. */
const hasNoSummerTime = "(state in ('AZ', 'HI', 'IN', 'PR', 'VI') and iata <> 'EVV')";

const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Mean delay of the flights whose landing became known in the `minutes` before a departure; empty under `least` of them. */
function recentMean(column: string, landingKey: string, flightKey: string, minutes: number, least: number): string {
  return `
    create or replace temp table cumulated as
      select place, landed, sum(n) over w as n, sum(total) over w as total
      from (select ${landingKey} as place, landed, count(*) as n, sum(clipped) as total from flights group by all)
      window w as (partition by place order by landed);
    alter table sample add column ${column} double;
    update sample set ${column} = m.mean from (
      select s.row_key, (b.total - coalesce(a.total, 0)) / (b.n - coalesce(a.n, 0)) as mean
      from sample s
      asof left join cumulated b on s.${flightKey} = b.place and s.minute - ${REPORT_MINUTES} >= b.landed
      asof left join cumulated a on s.${flightKey} = a.place and s.minute - ${REPORT_MINUTES + minutes} >= a.landed
      where b.n - coalesce(a.n, 0) >= ${least}
    ) m where sample.row_key = m.row_key;`;
}

/**
 * Times in the records are the local clock of the origin, so everything is compared in UTC: else a flight
 * from the west would count as landed hours before it was. Landing itself is not in the records; it is
 * estimated as 35 minutes on the ground and in climb and descent, then 7.3 miles a minute.
 */
function load(source: string): string {
  return `
    create temp table airports as
      select iata, state, ${zones} as winter_hours, ${hasNoSummerTime} as has_no_summer_time
      from read_csv(${quote(join(source, 'airports.csv'))});
    create temp table flights as
      select date, delay, distance, origin, destination, state, origin || destination as route, minute,
        (minute + round(35 + distance / 7.3))::bigint as landed,
        greatest(-30, least(180, delay)) as clipped
      from (
        select f.*, a.state, epoch(f.date)::bigint // 60 + 60 * (a.winter_hours
          - (not a.has_no_summer_time and f.date >= timestamp '2001-04-01 02:00')::int) as minute
        from read_parquet(${quote(join(source, 'flights-3m.parquet'))}) f
        join airports a on a.iata = f.origin and a.winter_hours is not null
        where abs(f.delay) < 1000
      );
    create temp table sample as
      select *, row_number() over (order by date, origin, destination, delay, distance) as row_key,
        case
          when state in ('CT','ME','MA','NH','RI','VT','NJ','NY','PA') then 'northeast'
          when state in ('IL','IN','MI','OH','WI','IA','KS','MN','MO','NE','ND','SD') then 'midwest'
          when state in ('DE','DC','FL','GA','MD','NC','SC','VA','WV','AL','KY','MS','TN','AR','LA','OK','TX') then 'south'
          when state in ('AZ','CO','ID','MT','NV','NM','UT','WY','AK','CA','HI','OR','WA') then 'west'
        end as region
      from (
        select distinct on (route, date) * from flights
        where date >= timestamp '2001-03-01' and date < timestamp '2001-06-30'
          and state not in ('PR', 'VI')
        order by route, date, delay, distance
      )
      order by md5(concat_ws('|', date, route, delay, distance))
      limit ${ROWS.train + ROWS.eval + ROWS.serving};`;
}

const minutesPerDay = 24 * 60;

/**
 * Scheduled times are not in the records, but schedules repeat: minutes between this departure and the median
 * time of day at which the route's flights left within 90 minutes of it in the seven days before.
 */
const minutesBehindUsual = `
  alter table sample add column minutes_behind_usual double;
  update sample set minutes_behind_usual = m.gap from (
    select row_key, median(gap) as gap from (
      select s.row_key, apart - ${minutesPerDay} * round(apart / ${minutesPerDay}.0) as gap
      from (
        select s.row_key, (epoch(s.date) - epoch(f.date))::bigint // 60 as apart
        from sample s join flights f on f.route = s.route
          and f.date between s.date - interval 7 day - interval 90 minute and s.date - interval 1 day + interval 90 minute
      ) s
    )
    where abs(gap) <= 90 group by row_key having count(*) >= 3
  ) m where sample.row_key = m.row_key`;

async function main(source: string, target: string): Promise<void> {
  if (!existsSync(join(source, 'flights-3m.parquet'))) {
    throw new Error(`${source} has no flights-3m.parquet: unpack vega-datasets first (see the top of this script).`);
  }
  mkdirSync(join(target, 'requests'), { recursive: true });
  const database = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  await database.run(load(source));
  await database.run(recentMean('origin_delay', 'destination', 'origin', 120, 3));
  await database.run(recentMean('destination_delay', 'destination', 'destination', 120, 3));
  // 26 hours: yesterday's flight on the route, even when it left a little earlier in the day.
  await database.run(recentMean('route_delay', 'route', 'route', minutesPerDay + 120, 1));
  await database.run(minutesBehindUsual);
  await database.run(`
    create temp table numbered as
      select row_number() over (order by date, row_key) as n,
        'f' || lpad(row_number() over (order by date, row_key)::varchar, 5, '0') as id,
        strftime(date, '%Y-%m-%dT%H:%M') as time, origin, region,
        hour(date) as hour, distance,
        round(origin_delay)::int as origin_delay, round(destination_delay)::int as destination_delay,
        round(route_delay)::int as route_delay, round(minutes_behind_usual)::int as minutes_behind_usual, (delay > 15)::int as late
      from sample`);
  const features = 'origin, region, hour, distance, origin_delay, destination_delay, route_delay, minutes_behind_usual';
  const first = ROWS.train;
  const second = ROWS.train + ROWS.eval;
  const tables = [
    ['train.csv', `select id, time, ${features}, late from numbered where n <= ${first}`],
    ['eval.csv', `select id, time, ${features}, late from numbered where n > ${first} and n <= ${second}`],
    [join('requests', '2001-06.csv'), `select id, time, ${features} from numbered where n > ${second}`],
    ['outcomes.csv', `select id, late from numbered where n > ${second}`],
  ] as const;
  for (const [name, query] of tables) {
    await database.run(`copy (${query} order by id) to ${quote(join(target, name))} (header, delimiter ',')`);
  }
}

const [source, target] = process.argv.slice(2);
if (source === undefined || target === undefined) {
  console.error('usage: npx tsx scripts/examples/flights.ts VEGA_DATA_DIR TARGET_DIR');
  process.exitCode = 2;
} else {
  await main(source, target);
}

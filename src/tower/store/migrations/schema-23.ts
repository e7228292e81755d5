/** Twenty-third migration: the operator's token is called after its owner, no longer after a role. See `migrate.ts`. */
export const schema23 = `
do $$
declare
  token_found record;
  renamed_at timestamptz;
begin
  -- As every entry of the audit, so that the chain of seals goes on.
  perform pg_advisory_xact_lock(7304214);
  -- Whoever had a token of that name keeps it under another: the one of the server is known by its name. It comes first.
  for token_found in select id, name, case name when 'write' then 'operator' else 'operator-' || left(hash, 8) end as renamed
    from token where revoked_at is null and (name = 'operator' or (name = 'write' and created_by = 'server')) order by name
  loop
    update token set name = token_found.renamed where id = token_found.id;
    renamed_at := clock_timestamp();
    insert into audit (at, actor, action, subject, detail, hash)
      select renamed_at, 'server', 'token.renamed', token_found.name, detail, encode(sha256(convert_to(concat_ws(e'\\x1f',
        coalesce((select hash from audit order by id desc limit 1), ''), extract(epoch from renamed_at)::text, 'server',
        'token.renamed', token_found.name, detail::text), 'UTF8')), 'hex')
      from jsonb_build_object('to', token_found.renamed) as detail;
  end loop;
end $$;
`;

// docs/schema.sql is the schema as the migrations leave it: for whoever reads SQL without running it, and so that a
// migration shows what it changes. After a change: npx vitest run test/catalog/schema.test.ts -u
import { expect, test } from 'vitest';
import { clientForFile } from '../support/postgres.ts';

const client = await clientForFile();

const HEAD = `-- The schema of the catalog, as the migrations leave it. Made by test/catalog/schema.test.ts, which compares it; migrations/ says why things are so.\n`;

const TABLES = `
  select 'create table ' || c.relname || E' (\\n' ||
         (select string_agg('  ' || quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                              || case when a.attcollation <> t.typcollation then ' collate ' || quote_ident(l.collname) else '' end
                              || case when a.attnotnull then ' not null' else '' end
                              || case when a.attidentity <> '' then ' generated always as identity' else '' end
                              || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), ''), E',\\n' order by a.attnum)
            from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_collation l on l.oid = a.attcollation
            left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
           where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
         || coalesce((select string_agg(E',\\n  ' || pg_get_constraintdef(k.oid), '' order by k.contype <> 'p', k.conname)
                        from pg_constraint k where k.conrelid = c.oid and k.contype <> 'n'), '')
         || E'\\n);\\n'
         || coalesce((select string_agg(pg_get_indexdef(i.indexrelid) || E';\\n', '' order by x.relname) from pg_index i join pg_class x on x.oid = i.indexrelid
                       where i.indrelid = c.oid and not exists (select from pg_constraint k where k.conindid = i.indexrelid)), '') as sql
    from pg_class c where c.relnamespace = 'rollcall'::regnamespace and c.relkind = 'r' and c.relname <> 'migration' order by c.relname`;

const VIEWS = `
  select 'create view ' || c.relname || E' as\\n' || pg_get_viewdef(c.oid) || E'\\n' as sql
    from pg_class c where c.relnamespace = 'rollcall'::regnamespace and c.relkind = 'v' order by c.relname`;

const FUNCTIONS = `
  select pg_get_functiondef(p.oid) as sql from pg_proc p where p.pronamespace = 'rollcall'::regnamespace order by p.proname`;

test('the schema in docs/ is what the migrations make', async () => {
  const parts: string[] = [HEAD];
  for (const question of [TABLES, VIEWS, FUNCTIONS]) {
    const found = await client.query<{ sql: string }>(question);
    parts.push(...found.rows.map(({ sql }) => sql.replaceAll('rollcall.', '')));
  }
  await expect(parts.join('\n')).toMatchFileSnapshot('../../docs/schema.sql');
});

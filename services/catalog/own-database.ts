// Databases beside the catalog's, for what must not touch it.
import type { DatabaseAddress } from './database.ts';
import { connect } from './database.ts';

async function run(address: DatabaseAddress, sql: string): Promise<void> {
  const client = await connect(address);
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** @param name lower-case letters, digits and underscores */
export async function createDatabase(address: DatabaseAddress, name: string): Promise<void> {
  await run(address, `create database ${checked(name)}`);
}

export async function dropDatabase(address: DatabaseAddress, name: string): Promise<void> {
  await run(address, `drop database if exists ${checked(name)} with (force)`);
}

function checked(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new Error(`${name} is no name for a database`);
  return name;
}

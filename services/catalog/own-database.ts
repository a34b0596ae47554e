// Databases beside the catalog's, for what must not touch it.
import type { DatabaseAddress } from './database.ts';
import { connect } from './database.ts';
import { databaseCode } from './advice.ts';

const INSUFFICIENT_PRIVILEGE = '42501';

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

/** Ends whoever is connected to it. */
export async function dropDatabase(address: DatabaseAddress, name: string): Promise<void> {
  try {
    await run(address, `drop database if exists ${checked(name)} with (force)`);
  } catch (error) {
    if (databaseCode(error) !== INSUFFICIENT_PRIVILEGE) throw error;
    // An autovacuum worker is in it, which is the superuser's: the plain form asks that one to leave, and waits for it.
    await run(address, `drop database if exists ${checked(name)}`);
  }
}

function checked(name: string): string {
  if (!/^[a-z][a-z0-9_]{0,62}$/.test(name)) throw new Error(`${name} is not a name for a database`);
  return name;
}

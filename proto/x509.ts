/** The library that makes certificates and requests, with what it needs to be there before it. */
// oxlint-disable-next-line no-unassigned-import -- it is there for what it does to the globals
import 'reflect-metadata';

export * from '@peculiar/x509';

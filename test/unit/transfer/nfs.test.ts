import { conforms } from './conformance.ts';

conforms('nfs');

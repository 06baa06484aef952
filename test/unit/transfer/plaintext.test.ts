import { conforms } from './conformance.ts';

conforms('plaintext');

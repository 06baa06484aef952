import { conforms } from './conformance.ts';

conforms('stream');

// From here on, this process runs TypeScript.
import { register } from 'tsx/esm/api';

register();

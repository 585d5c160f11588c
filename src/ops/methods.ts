/** Importing this file gives tensors their methods: one file a family in `methods/`. */
import './methods/elementwise';
import './methods/movement';
import './methods/reduce';
import './methods/select';

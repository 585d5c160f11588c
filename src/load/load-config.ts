import { dirname, join } from 'node:path';
import type { BitNetConfig } from '../model/config';
import { parseConfig, withGenerationConfig } from '../model/config';
import { exists, readJson } from './file';

const OP = 'loadConfig';

/**
 * Reads `config.json` of a model directory, and `generation_config.json` where there is one (its end-of-text ids win).
 *
 * @param path the directory, or a `.safetensors` file in it
 * @throws LoadError if a file is missing, is not JSON, or a field is missing or out of range
 * @throws UnsupportedError if the model needs something Rotor does not have
 */
export async function loadConfig(path: string): Promise<BitNetConfig> {
  const dir = path.endsWith('.safetensors') ? dirname(path) : path;
  const file = join(dir, 'config.json');
  const config = parseConfig(await readJson(OP, file), file);
  const generation = join(dir, 'generation_config.json');
  return (await exists(generation)) ? withGenerationConfig(config, await readJson(OP, generation), generation) : config;
}

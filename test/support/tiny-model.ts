import { writeRandomModel } from "../../src/lab/random-model/random-model.ts";
import type { ModelShapeName } from "../../src/lab/random-model/shapes.ts";
import type { RandomModelType } from "../../src/lab/random-model/tensor-bytes.ts";
import { TemporaryDirectory } from "./temporary-directory.ts";

/** A random model's file in a directory of its own, which is removed when it is disposed. */
export class TinyModel implements AsyncDisposable {
  readonly path: string;
  readonly #directory: TemporaryDirectory;

  private constructor(directory: TemporaryDirectory) {
    this.path = directory.file("model.gguf");
    this.#directory = directory;
  }

  static async write(shape: ModelShapeName, type: RandomModelType): Promise<TinyModel> {
    const model = new TinyModel(await TemporaryDirectory.create());
    await writeRandomModel(model.path, shape, type);
    return model;
  }

  /** The path of another file beside it. */
  file(name: string): string {
    return this.#directory.file(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory[Symbol.asyncDispose]();
  }
}

// What three.js' own loader makes of a head, without a browser: `node check.mjs NAME.glb [folder with node_modules]`, printed as JSON.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [file, folder = "."] = process.argv.slice(2);
const three = createRequire(pathToFileURL(resolve(folder) + "/")).resolve("three"); // .../three/build/three.cjs
const root = pathToFileURL(three.slice(0, three.lastIndexOf("build"))).href;
// The loader's addons import the bare name "three".
const { register } = await import("node:module");
const hook = `export const resolve = (s, c, next) => (s === "three" ? { url: "${root}build/three.module.js", shortCircuit: true } : next(s, c));`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
const THREE = await import("three");
const { GLTFLoader } = await import(`${root}examples/jsm/loaders/GLTFLoader.js`);

// Node decodes no pictures: their size, from the PNG's header, stands for them.
globalThis.self = globalThis;
globalThis.createImageBitmap = async (blob) => {
  const bytes = new DataView(await blob.arrayBuffer());
  if (bytes.getUint32(0) !== 0x89504e47) throw new Error("the texture is no PNG");
  return { width: bytes.getUint32(16), height: bytes.getUint32(20), close() {} };
};

const bytes = await readFile(file);
const gltf = await new GLTFLoader().parseAsync(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength), "");
const head = gltf.scene;
head.updateMatrixWorld(true);
const skin = head.getObjectByProperty("isSkinnedMesh", true);

function places() {
  head.updateMatrixWorld(true);
  skin.skeleton.update();
  const point = new THREE.Vector3();
  return Array.from({ length: skin.geometry.attributes.position.count }, (_, i) =>
    skin.getVertexPosition(i, point).applyMatrix4(skin.matrixWorld).toArray(),
  );
}
const rest = places();
const reach = () => Math.max(...places().map((p, i) => Math.hypot(...p.map((x, k) => x - rest[i][k]))));
const moved = {};
for (const [name, index] of Object.entries(skin.morphTargetDictionary)) {
  skin.morphTargetInfluences[index] = 1;
  moved[name] = reach();
  skin.morphTargetInfluences[index] = 0;
}
const turned = {};
for (const bone of skin.skeleton.bones) {
  bone.rotation.x += 0.2;
  turned[bone.name] = reach();
  bone.rotation.x -= 0.2;
}
const box = [0, 1, 2].map((k) => [Math.min(...rest.map((p) => p[k])), Math.max(...rest.map((p) => p[k]))]);
console.log(
  JSON.stringify({
    three: THREE.REVISION,
    vertices: rest.length,
    triangles: skin.geometry.index.count / 3,
    box,
    moved,
    turned,
    texture: [skin.material.map.image.width, skin.material.map.image.height, skin.material.map.colorSpace],
    cameras: gltf.cameras.map((c) => ({ name: c.name, K: c.userData.K ?? c.parent?.userData.K ?? null })),
  }),
);

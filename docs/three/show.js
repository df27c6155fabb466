// Shows a head with a slider for each expression and for the jaw and eye bones. See index.html.
import * as THREE from "three";
import { GLTFLoader } from "three/addons/loaders/GLTFLoader.js";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";

const asked = new URLSearchParams(location.search);
const file = asked.get("head") ?? "head.glb";
const renderer = new THREE.WebGLRenderer({ antialias: true });
renderer.setPixelRatio(devicePixelRatio);
document.body.append(renderer.domElement);

const scene = new THREE.Scene();
scene.background = new THREE.Color("#8a8d93");
// The texture holds the photos' light: soft light from all around shows it as it is.
scene.add(new THREE.AmbientLight("white", 2.2), new THREE.DirectionalLight("white", 0.8));
const camera = new THREE.PerspectiveCamera(24, 1, 0.01, 10); // metres
camera.position.set(0, 0, 0.95);
const controls = new OrbitControls(camera, renderer.domElement);

const { scene: head } = await new GLTFLoader().loadAsync(file);
scene.add(head);
const skin = head.getObjectByProperty("isSkinnedMesh", true);
skin.frustumCulled = false; // an open jaw reaches out of the box at rest

function slider(name, low, high, move) {
  const start = Number(asked.get(name) ?? 0);
  const label = document.createElement("label");
  label.textContent = name;
  const input = Object.assign(document.createElement("input"), { type: "range", min: low, max: high, step: 0.01 });
  input.value = start;
  input.addEventListener("input", () => move(Number(input.value)));
  label.append(input);
  document.getElementById("sliders").append(label);
  move(start);
}
slider("jaw (bone)", 0, 0.4, (x) => (head.getObjectByName("jaw").rotation.x = x));
for (const [axis, word] of [["y", "look aside"], ["x", "look down"]]) {
  slider(`${word} (bones)`, -0.4, 0.4, (x) => {
    for (const eye of ["eye_left", "eye_right"]) head.getObjectByName(eye).rotation[axis] = x;
  });
}
for (const [name, index] of Object.entries(skin.morphTargetDictionary)) {
  const component = /^expression\d+$/.test(name); // FLAME's own go both ways, in standard deviations
  slider(name, component ? -3 : 0, component ? 3 : 1, (x) => (skin.morphTargetInfluences[index] = x));
}

function resize() {
  renderer.setSize(innerWidth, innerHeight);
  camera.aspect = innerWidth / innerHeight;
  camera.updateProjectionMatrix();
}
addEventListener("resize", resize);
resize();
renderer.setAnimationLoop(() => {
  controls.update();
  renderer.render(scene, camera);
});
document.title = `${file}: ${Object.keys(skin.morphTargetDictionary).length} expressions`;

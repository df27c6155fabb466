"""Cycles materials of the sample's subject: skin, eyes, cornea, cloth and hair (runs inside Blender's Python)."""

from __future__ import annotations

import bpy


class Graph:
    """A thin way of writing node trees: `g.node(type, inputs...)` adds, links and returns a node."""

    def __init__(self, name: str) -> None:
        """Start an empty material."""
        self.material = bpy.data.materials.new(name)
        self.material.use_nodes = True
        self.tree = self.material.node_tree
        self.tree.nodes.clear()

    def node(self, kind: str, properties: dict | None = None, **inputs):  # noqa: ANN003, ANN201
        """Add a node of ShaderNode<kind>; inputs by socket name with _ for space, or in0, in1, ... by place."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for key, value in (properties or {}).items():
            setattr(node, key, value)
        for key, value in inputs.items():
            place = int(key[2:]) if key.startswith("in") and key[2:].isdigit() else key.replace("_", " ")
            socket = node.inputs[place]
            if isinstance(value, bpy.types.NodeSocket):
                self.tree.links.new(value, socket)
            else:
                socket.default_value = value
        return node

    def finish(self, surface):  # noqa: ANN001, ANN201
        """Connect the surface output and return the material."""
        self.node("OutputMaterial", Surface=surface)
        return self.material

    def scale(self, value, factor: float, offset: float = 0.0):  # noqa: ANN001, ANN201
        """Value * factor + offset."""
        return self.node("Math", {"operation": "MULTIPLY_ADD"}, in0=value, in1=factor, in2=offset).outputs[0]

    def picture(self, path: str, data: bool = False):  # noqa: ANN201
        """The colour of an image texture at the UV of the surface."""
        image = bpy.data.images.load(path)
        if data:
            image.colorspace_settings.name = "Non-Color"
        return self.node("TexImage", {"image": image, "interpolation": "Cubic"}).outputs["Color"]


def skin_material(texture: str):  # noqa: ANN201
    """Painted albedo with random-walk subsurface scattering, pores and fine relief as bump, uneven oiliness."""
    g = Graph("skin")
    where = g.node("TexCoord").outputs["Object"]
    colour = g.picture(texture)
    blotch = g.node("TexNoise", Vector=where, Scale=55.0, Detail=4.0, Roughness=0.6).outputs[0]
    fine = g.node("TexNoise", Vector=where, Scale=420.0, Detail=3.0, Roughness=0.6).outputs[0]
    pores = g.node("TexVoronoi", {"feature": "F1"}, Vector=where, Scale=1150.0, Randomness=1.0).outputs["Distance"]
    crease = g.node("TexVoronoi", {"feature": "DISTANCE_TO_EDGE"}, Vector=where, Scale=620.0).outputs["Distance"]
    shade = g.node("HueSaturation", Hue=0.5, Saturation=1.0, Value=g.scale(blotch, 0.36, 0.82), Color=colour).outputs[0]
    speckle = g.scale(fine, 0.40, 0.80)
    albedo = g.node("Mix", {"data_type": "RGBA", "blend_type": "MULTIPLY"}, in0=1.0, in6=shade)
    grey = g.node("CombineColor", in0=g.scale(fine, 0.22, 0.89), in1=speckle, in2=speckle).outputs[0]
    g.tree.links.new(grey, albedo.inputs[7])
    bump1 = g.node("Bump", Strength=0.60, Distance=0.00035, Height=pores).outputs[0]
    bump2 = g.node("Bump", Strength=0.40, Distance=0.0003, Height=crease, Normal=bump1).outputs[0]
    bump3 = g.node("Bump", Strength=0.50, Distance=0.0008, Height=fine, Normal=bump2).outputs[0]
    rough = g.scale(g.node("TexNoise", Vector=where, Scale=90.0, Detail=5.0).outputs[0], 0.30, 0.29)
    bsdf = g.node("BsdfPrincipled", {"subsurface_method": "RANDOM_WALK_SKIN"})
    values = {"Subsurface Weight": 1.0, "Subsurface Scale": 0.0042, "Subsurface Radius": (1.0, 0.36, 0.19)}
    values |= {"Subsurface Anisotropy": 0.7}
    values |= {"IOR": 1.4, "Specular IOR Level": 0.42, "Coat Weight": 0.06, "Coat Roughness": 0.22}
    for key, value in values.items():
        bsdf.inputs[key].default_value = value
    for key, socket in (("Base Color", albedo.outputs[2]), ("Roughness", rough), ("Normal", bump3)):
        g.tree.links.new(socket, bsdf.inputs[key])
    return g.finish(bsdf.outputs[0])


def eye_material(texture: str):  # noqa: ANN201
    """Sclera and iris: matt, slightly translucent; the wetness is the cornea's."""
    g = Graph("eye")
    bsdf = g.node("BsdfPrincipled", Base_Color=g.picture(texture), Roughness=0.45)
    bsdf.inputs["Subsurface Weight"].default_value = 0.35
    bsdf.inputs["Subsurface Scale"].default_value = 0.002
    bsdf.inputs["Specular IOR Level"].default_value = 0.2
    return g.finish(bsdf.outputs[0])


def cornea_material():  # noqa: ANN201
    """A tear film: clear, mirror-like by Fresnel's law. Not refracting, so that light reaches the iris without caustics."""
    g = Graph("cornea")
    ripple = g.node("TexNoise", Vector=g.node("TexCoord").outputs["Object"], Scale=260.0, Detail=2.0).outputs[0]
    bump = g.node("Bump", Strength=0.05, Distance=0.0004, Height=ripple).outputs[0]
    mirror = g.node("BsdfAnisotropic", Roughness=0.04, Normal=bump).outputs[0]
    fresnel = g.node("Fresnel", IOR=1.38, Normal=bump).outputs[0]
    clear = g.node("BsdfTransparent").outputs[0]
    return g.finish(g.node("MixShader", in0=fresnel, in1=clear, in2=mirror).outputs[0])


def fabric_material(name: str, rib: bool):  # noqa: ANN201
    """Cotton jersey, dark blue-grey: rough, with sheen, folds and a knit too fine to resolve."""
    g = Graph(name)
    where = g.node("TexCoord").outputs["Object"]
    folds = g.node("TexNoise", Vector=where, Scale=9.0, Detail=2.0).outputs[0]
    knit = g.node("TexNoise", Vector=where, Scale=1500.0, Detail=2.0).outputs[0]
    weave = g.node("TexWave", {"bands_direction": "DIAGONAL"}, Vector=where, Scale=260.0, Distortion=1.5, Detail=2.0).outputs[0]
    bump = g.node("Bump", Strength=0.5, Distance=0.008, Height=folds).outputs[0]
    bump = g.node("Bump", Strength=0.5, Distance=0.0006, Height=knit, Normal=bump).outputs[0]
    strength, depth = (0.7, 0.001) if rib else (0.25, 0.0004)
    bump = g.node("Bump", Strength=strength, Distance=depth, Height=weave, Normal=bump).outputs[0]
    value = g.scale(knit, 0.55, 0.72)
    colour = g.node("HueSaturation", Value=value, Color=(0.050, 0.066, 0.088, 1.0)).outputs[0]
    bsdf = g.node("BsdfPrincipled", Base_Color=colour, Roughness=0.92, Normal=bump)
    for key, amount in (("Sheen Weight", 0.15), ("Sheen Roughness", 0.5), ("Specular IOR Level", 0.15)):
        bsdf.inputs[key].default_value = amount
    return g.finish(bsdf.outputs[0])


def hair_material(name: str, melanin: float, redness: float):  # noqa: ANN201
    """Chiang's hair scattering with melanin, each strand a little different."""
    g = Graph(name)
    bsdf = g.node("BsdfHairPrincipled", {"parametrization": "MELANIN"})
    values = {"Melanin": melanin, "Melanin Redness": redness, "Roughness": 0.34, "Radial Roughness": 0.42}
    values |= {"Random Color": 0.12, "Random Roughness": 0.2, "Coat": 0.0, "IOR": 1.55}
    for key, value in values.items():
        if key in bsdf.inputs:
            bsdf.inputs[key].default_value = value
    return g.finish(bsdf.outputs[0])

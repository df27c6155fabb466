"""From seeds to shards: which subjects a shard holds, and how each is drawn. The same seed gives the same bytes on any worker."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facestudio.geometry.frames import yaw_degrees
from facestudio.head.store import load_head
from facestudio.training.synth.assets import open_closet
from facestudio.training.synth.backdrop import plain
from facestudio.training.synth.dress import Wearer, dress, prepare
from facestudio.training.synth.lens import random_sensor
from facestudio.training.synth.lights import random_light
from facestudio.training.synth.maps import map_pictures
from facestudio.training.synth.people import Person, random_person
from facestudio.training.synth.photograph import Photograph, auto_exposure, face_points, lamp_for, photograph
from facestudio.training.synth.shard import Shard
from facestudio.training.synth.webcams import detector_crop, orbit_camera, random_webcam
from facestudio.types import Camera

TRIPLET_YAWS = (40.0, 0.0, -40.0)


@dataclass(frozen=True)
class FactoryConfig:
    """What is made. mode: "triplets" or "orbit". size: pixels of a picture's side. per_shard: subjects in one shard.

    frames, sweep: an orbit's pictures, spread over +-sweep degrees. maps: depth, normals, parts and uv as well. head: the head model.
    """

    seed: int = 1
    subjects: int = 100
    mode: str = "triplets"
    size: int = 192
    per_shard: int = 50
    frames: int = 12
    sweep: float = 60.0
    maps: bool = False
    head: str = "open"

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.subjects // self.per_shard)

    def subjects_of(self, shard: int) -> range:
        """The subjects' numbers in a shard."""
        return range(shard * self.per_shard, min((shard + 1) * self.per_shard, self.subjects))


@dataclass(frozen=True)
class Taken:
    """One picture on its way into a shard: the photograph, who is on it, and the whole frame's camera."""

    photo: Photograph
    frame: Camera
    person: Person
    subject: int
    view: int
    maps: dict[str, NDArray[Any]]


@lru_cache(maxsize=1)
def wearer_for(head: str, assets: str) -> Wearer:
    """The head and the closet that all subjects of this process share. assets: a folder's path, "" for none."""
    model = load_head(head)
    return prepare(model, open_closet(model, Path(assets) if assets else None))


def make_subject(wearer: Wearer, config: FactoryConfig, number: int) -> list[Taken]:
    """Photograph subject `number` of a data set: three webcams, or an orbit."""
    rng = np.random.default_rng([config.seed, number])
    person = random_person(wearer.model, wearer.closet, rng)
    dressed = dress(wearer, person)
    light = random_light(rng)
    lamp = lamp_for(dressed, wearer, person, light)
    exposure, points = auto_exposure(light, person), face_points(wearer, dressed)
    taken = []
    if config.mode == "orbit":
        # One steady camera goes around before a plain wall: what differs between the pictures is the view.
        sensor = replace(random_sensor(exposure, rng), blur=float(rng.uniform(0.2, 0.5)), noise=float(rng.uniform(0.5, 2.5)))
        wall = plain(config.size, rng)
        yaws = np.linspace(config.sweep, -config.sweep, config.frames)
    else:
        sensor, wall, yaws = None, None, np.array(TRIPLET_YAWS)
    for view, yaw in enumerate(yaws):
        if config.mode == "orbit":
            frame, crop = orbit_camera(float(yaw), points.mean(0), config.size)
        else:
            frame = random_webcam(float(yaw), points.mean(0), rng)
            crop = detector_crop(points, frame, config.size, rng)
        own = sensor or random_sensor(exposure, rng)
        photo = photograph(wearer, dressed, person, lamp, light, frame, crop, own, rng, wall)
        maps = map_pictures(wearer, dressed, person, photo.camera) if config.maps else {}
        taken.append(Taken(photo, frame, person, config.seed * 10_000_000 + number, view, maps))
    return taken


def pack(taken: list[Taken]) -> Shard:
    """Pictures as one shard."""
    photos = [t.photo for t in taken]
    lengths = [len(p.jpeg) for p in photos]
    f32 = np.float32
    return Shard(
        jpeg=np.concatenate([p.jpeg for p in photos]),
        offsets=np.cumsum([0, *lengths]).astype(np.int64),
        subject=np.array([t.subject for t in taken], np.int64),
        view=np.array([t.view for t in taken], np.int16),
        yaw_deg=np.array([yaw_degrees(p.camera) for p in photos], f32),
        identity=np.stack([t.person.identity for t in taken]).astype(f32),
        expression=np.stack([t.person.expression for t in taken]).astype(f32),
        pose=np.stack([t.person.pose for t in taken]).astype(f32),
        K=np.stack([p.camera.K for p in photos]),
        R=np.stack([p.camera.R for p in photos]),
        t=np.stack([p.camera.t for p in photos]),
        frame_K=np.stack([t.frame.K for t in taken]),
        frame_size=np.array([[t.frame.width, t.frame.height] for t in taken], np.int32),
        distortion=np.stack([t.frame.distortion for t in taken]).astype(f32),
        landmarks=np.stack([p.landmarks for p in photos]),
        visible=np.stack([p.visible for p in photos]),
        covered=np.stack([p.covered for p in photos]),
        light=np.stack([p.light for p in photos]),
        maps={k: np.stack([t.maps[k] for t in taken]) for k in taken[0].maps},
    )

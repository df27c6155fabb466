"""The head, its landmarks, its photo and its lights as VTK objects. VTK is imported by whoever makes one: not at start-up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk, numpy_to_vtkIdTypeArray, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkCellArray, vtkImageData, vtkPolyData
from vtkmodules.vtkRenderingCore import vtkActor, vtkLight, vtkPolyDataMapper, vtkRenderer, vtkTexture

from facestudio.app.viewer.colours import CLAY, ViewMode, vertex_colours
from facestudio.app.viewer.placement import photo_corners
from facestudio.app.viewer.surface import ShownHead
from facestudio.types import ByteArray, Camera, Float32Array, FloatArray, PointCloud

_KEY, _FILL, _BACK = 0.82, 0.30, 0.25
_WIRE = (0.16, 0.17, 0.20)
_DOT = (1.0, 0.59, 0.16)
_DOT_PIXELS = 5.0
_CLOUD_PIXELS = 2.5


class HeadActor:
    """The head. Moving it writes into the arrays that VTK draws from, so that nothing is allocated per move."""

    def __init__(self, head: ShownHead) -> None:
        self.head = head
        ids = head.surface.vertex_ids
        self._ids = ids
        self._mesh = vtkPolyData()
        points = vtkPoints()
        points.SetData(_owned(np.zeros((len(ids), 3), np.float32)))
        self._mesh.SetPoints(points)
        self._mesh.SetPolys(_triangles(head.surface.faces))
        point_data = self._mesh.GetPointData()
        point_data.SetNormals(_owned(np.zeros((len(ids), 3), np.float32), "normals"))
        point_data.SetTCoords(_owned(np.ascontiguousarray(head.surface.uv), "uv"))
        self._colours = _owned(np.zeros((len(ids), 3), np.uint8), "colours")
        self._mapper = vtkPolyDataMapper()
        self._mapper.SetInputData(self._mesh)
        self._mapper.SetScalarModeToUsePointData()
        self.actor = vtkActor()
        self.actor.SetMapper(self._mapper)
        self._texture = None if head.albedo is None else image_texture(head.albedo)
        self._mode = ViewMode.CLAY
        self._normals: Float32Array = np.zeros((0, 3), np.float32)
        self.vertices: FloatArray = head.vertices
        self.move(head.vertices)

    def move(self, vertices: FloatArray) -> None:
        """Vertices (V, 3), metres, head frame, from now on."""
        self.vertices = vertices
        self._normals = self.head.surface.normals(vertices)
        data = self._mesh.GetPointData()
        for target, source in ((self._mesh.GetPoints().GetData(), vertices), (data.GetNormals(), self._normals)):
            _view(target)[:] = np.asarray(source, dtype=np.float32)[self._ids]
            target.Modified()
        self._mesh.GetPoints().Modified()
        if self._mode is ViewMode.NORMALS:
            self._paint()
        self._mesh.Modified()

    def set_mode(self, mode: ViewMode) -> None:
        """Paint it otherwise; a mode without data shows clay."""
        self._mode = mode
        textured = mode is ViewMode.TEXTURE and self._texture is not None
        painted = self._paint()
        self.actor.SetTexture(self._texture if textured else None)  # type: ignore[arg-type]  # VTK takes None for none
        surface = self.actor.GetProperty()
        if textured:  # the texture carries the detail, and light per pixel halves the rate of software GL
            surface.SetInterpolationToGouraud()
        else:
            surface.SetInterpolationToPhong()
        surface.SetColor(*((1.0, 1.0, 1.0) if textured else _unit(CLAY)))
        surface.SetEdgeVisibility(mode is ViewMode.WIRE)
        surface.SetEdgeColor(*_WIRE)
        surface.SetLineWidth(1.0)
        # A photographed colour carries light already, and a painted number must be read off the legend.
        ambient, diffuse, gloss = (0.62, 0.44, 0.0) if textured else (0.70, 0.34, 0.0) if painted else (0.10, 0.86, 0.07)
        if mode is ViewMode.NORMALS:
            ambient, diffuse = 1.0, 0.0
        surface.SetAmbient(ambient)
        surface.SetDiffuse(diffuse)
        surface.SetSpecular(gloss)
        surface.SetSpecularPower(18.0)

    def _paint(self) -> bool:
        colours = vertex_colours(self._mode, self.head, self._normals)
        self._mapper.SetScalarVisibility(colours is not None)
        if colours is None:
            self._mesh.GetPointData().SetScalars(None)
            return False
        _view(self._colours)[:] = colours[self._ids]
        self._colours.Modified()
        self._mesh.GetPointData().SetScalars(self._colours)
        self._mapper.SetColorModeToDirectScalars()
        return True


class DotsActor:
    """Landmarks as dots of one size, drawn where the surface does not hide them."""

    def __init__(self, points: FloatArray) -> None:
        self._mesh = vtkPolyData()
        self.actor = vtkActor()
        mapper = vtkPolyDataMapper()
        mapper.SetInputData(self._mesh)
        # They lie on the surface: without a shift towards the eye half of each would sink into it.
        mapper.SetRelativeCoincidentTopologyPointOffsetParameter(-4000.0)
        mapper.SetResolveCoincidentTopologyToPolygonOffset()
        self.actor.SetMapper(mapper)
        look = self.actor.GetProperty()
        look.SetPointSize(_DOT_PIXELS)
        look.SetRenderPointsAsSpheres(True)
        look.SetColor(*_DOT)
        look.LightingOff()
        self.move(points)

    def move(self, points: FloatArray) -> None:
        """Dots at (N, 3), metres, head frame."""
        places = vtkPoints()
        places.SetData(_owned(np.ascontiguousarray(points, dtype=np.float32)))
        self._mesh.SetPoints(places)
        cells = vtkCellArray()
        count = len(points)
        cells.SetData(_ids(np.arange(count + 1)), _ids(np.arange(count)))
        self._mesh.SetVerts(cells)
        self._mesh.Modified()


def cloud_actor(cloud: PointCloud) -> vtkActor:
    """Points in their own colours, unlit, and a little nearer to the eye than the surface they lie on."""
    mesh = vtkPolyData()
    places = vtkPoints()
    places.SetData(_owned(np.ascontiguousarray(cloud.points, dtype=np.float32)))
    mesh.SetPoints(places)
    cells, count = vtkCellArray(), len(cloud.points)
    cells.SetData(_ids(np.arange(count + 1)), _ids(np.arange(count)))
    mesh.SetVerts(cells)
    mesh.GetPointData().SetScalars(_owned(np.ascontiguousarray(cloud.colours), "colours"))
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(mesh)
    mapper.SetColorModeToDirectScalars()
    mapper.SetRelativeCoincidentTopologyPointOffsetParameter(-4000.0)
    mapper.SetResolveCoincidentTopologyToPolygonOffset()
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.GetProperty().SetPointSize(_CLOUD_PIXELS)
    actor.GetProperty().LightingOff()
    return actor


class PhotoPlanes:
    """A photo behind the head and, more or less transparent, before it: a cross-fade in which the head never looks like glass."""

    def __init__(self, camera: Camera, photo: ByteArray, near: float, far: float) -> None:
        """near, far: depths of the two planes before the camera, metres: all of the head lies between them."""
        texture = image_texture(photo, mipmaps=False)
        self.behind, self.front = (_plane(camera, depth, texture) for depth in (far, near))
        self.set_share(0.0)

    def set_share(self, share: float) -> None:
        """0: the head alone before its photo; 1: the photo alone."""
        self.front.GetProperty().SetOpacity(float(np.clip(share, 0.0, 1.0)))
        self.front.SetVisibility(share > 0.0)


def lights(renderer: vtkRenderer, degrees: float) -> None:
    """Three lights that stand with the eye: a key that the dial turns, a fill opposite, a faint one from behind."""
    renderer.RemoveAllLights()
    renderer.AutomaticLightCreationOff()
    turn = np.radians(degrees)
    places = (
        (_KEY, (np.sin(turn), 0.45, np.cos(turn))),
        (_FILL, (-np.sin(turn) * 0.8 - 0.35, 0.1, 0.9)),
        (_BACK, (0.4, 0.8, -0.9)),
    )
    for strength, place in places:
        light = vtkLight()
        light.SetLightTypeToCameraLight()
        light.SetPosition(*(float(x) for x in place))
        light.SetFocalPoint(0.0, 0.0, 0.0)
        light.SetIntensity(strength)
        renderer.AddLight(light)


def image_texture(pixels: ByteArray, mipmaps: bool = True) -> vtkTexture:
    """A VTK texture of (H, W, 3) uint8 sRGB, row 0 at v = 1."""
    height, width = pixels.shape[:2]
    image = vtkImageData()
    image.SetDimensions(width, height, 1)
    # VTK counts rows from below. The turned copy is nobody else's: VTK may draw from it as it is.
    image.GetPointData().SetScalars(_owned(np.ascontiguousarray(pixels[::-1]).reshape(-1, 3), "rgb", deep=False))
    texture = vtkTexture()
    texture.SetInputDataObject(image)
    texture.InterpolateOn()
    texture.SetMipmap(mipmaps)
    texture.SetMaximumAnisotropicFiltering(1.0)  # four, VTK's own choice, costs software GL a third of its pictures
    texture.SetColorModeToDirectScalars()
    texture.RepeatOff()
    texture.EdgeClampOn()
    return texture


def _plane(camera: Camera, depth: float, texture: vtkTexture) -> vtkActor:
    mesh = vtkPolyData()
    points = vtkPoints()
    points.SetData(_owned(photo_corners(camera, depth).astype(np.float32)))
    mesh.SetPoints(points)
    mesh.SetPolys(_triangles(np.array([[0, 3, 2], [0, 2, 1]], dtype=np.int64)))
    mesh.GetPointData().SetTCoords(_owned(np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32), "uv"))
    mapper = vtkPolyDataMapper()
    mapper.SetInputData(mesh)
    actor = vtkActor()
    actor.SetMapper(mapper)
    actor.SetTexture(texture)
    actor.GetProperty().LightingOff()
    actor.PickableOff()
    # The eye's limits follow the head; the plane behind must not move them.
    actor.UseBoundsOff()
    return actor


def _triangles(faces: NDArray[Any]) -> vtkCellArray:
    cells = vtkCellArray()
    cells.SetData(_ids(np.arange(0, 3 * len(faces) + 1, 3)), _ids(faces.ravel()))
    return cells


# vtkmodules.util carries no types; the three functions below are the only ones that call it.
def _ids(values: NDArray[Any]) -> Any:
    return numpy_to_vtkIdTypeArray(np.ascontiguousarray(values, dtype=np.int64), deep=True)  # type: ignore[no-untyped-call]


def _view(array: Any) -> NDArray[Any]:
    return np.asarray(vtk_to_numpy(array))  # type: ignore[no-untyped-call]


def _owned(values: NDArray[Any], name: str = "", deep: bool = True) -> Any:
    array = numpy_to_vtk(values, deep=deep)  # type: ignore[no-untyped-call]
    array.SetName(name)
    return array


def _unit(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    return colour[0] / 255.0, colour[1] / 255.0, colour[2] / 255.0

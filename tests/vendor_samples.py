"""Small files in the formats of Leica, Nikon and Zeiss, written by hand as their published descriptions say."""

import struct
from xml.sax.saxutils import quoteattr

import imagecodecs
import numpy as np

LIF_DIMENSIONS = {"X": 1, "Y": 2, "Z": 3, "T": 4, "M": 10}
CZI_PIXEL_TYPES = {"uint8": 0, "uint16": 1, "float32": 2, "bgr": 3}
# How the format numbers them; the second kind of Zstandard has a header, the third puts low bytes before high ones.
CZI_COMPRESSIONS = {
    "none": (0, lambda plane: plane.tobytes()),
    "zstd": (5, lambda plane: imagecodecs.zstd_encode(plane.tobytes())),
    "zstd1": (6, lambda plane: b"\1" + imagecodecs.zstd_encode(plane.tobytes())),
    "zstd1 low-high": (6, lambda plane: b"\3\1\1" + imagecodecs.zstd_encode(bytes_apart(plane))),
}
ND2_LOOPS = {"T": 1, "P": 2, "Z": 4}


def write_lif(path, images, *, dyes=(), pixel_um=(0.1, 0.1), drop_bytes=0):
    """Write images, given by name as (axes, array), into one .lif file; axes end in YX, or in YXS for colour."""
    blocks = [array.astype(array.dtype.newbyteorder("<")).tobytes() for _, array in images.values()]
    elements = "".join(
        f"<Element Name={quoteattr(name)}><Data><Image><ImageDescription>"
        f"{_lif_description(axes, array, dyes, pixel_um)}</ImageDescription></Image></Data>"
        f'<Memory Size="{array.nbytes}" MemoryBlockID="MemBlock_{number}"/></Element>'
        for number, (name, (axes, array)) in enumerate(images.items())
    )
    xml = f'<LMSDataContainerHeader Version="2"><Element Name="project"><Children>{elements}</Children></Element>'
    xml = f"{xml}</LMSDataContainerHeader>".encode("utf-16-le")
    content = struct.pack("<IIBI", 0x70, len(xml) + 5, 0x2A, len(xml) // 2) + xml
    for number, block in enumerate(blocks):
        name = f"MemBlock_{number}".encode("utf-16-le")
        content += struct.pack("<IIBQBI", 0x70, len(name) + 14, 0x2A, len(block), 0x2A, len(name) // 2) + name + block
    path.write_bytes(content[: len(content) - drop_bytes])


def _lif_description(axes, array, dyes, pixel_um):
    steps = dict(zip(axes, array.strides, strict=True))
    sizes = dict(zip(axes, array.shape, strict=True))
    colours = axes[-1] == "S"
    channel_axis = "S" if colours else "C"
    channels = "".join(
        f'<ChannelDescription DataType="{int(array.dtype.kind == "f")}" ChannelTag="{channel + 1 if colours else 0}" '
        f'Resolution="{8 * array.itemsize}" NameOfMeasuredQuantity="" Min="0" Max="1" Unit="" LUTName="Gray" '
        f'IsLUTInverted="0" BytesInc="{channel * steps.get(channel_axis, 0)}" BitInc="0"><ChannelProperty>'
        f"<Key>DyeName</Key><Value>{dyes[channel] if channel < len(dyes) else ''}</Value></ChannelProperty>"
        "</ChannelDescription>"
        for channel in range(sizes.get(channel_axis, 1))
    )
    lengths = {"Y": pixel_um[0] * 1e-6 * (sizes["Y"] - 1), "X": pixel_um[1] * 1e-6 * (sizes["X"] - 1)}
    dimensions = "".join(
        f'<DimensionDescription DimID="{LIF_DIMENSIONS[axis]}" NumberOfElements="{sizes[axis]}" Origin="0" '
        f'Length="{lengths.get(axis, 1e-6)}" Unit="m" BytesInc="{steps[axis]}" BitInc="0"/>'
        for axis in reversed(axes)
        if axis not in "CS"
    )
    return f"<Channels>{channels}</Channels><Dimensions>{dimensions}</Dimensions>"


def write_czi(path, tiles, *, dyes=(), pixel_um=(0.1, 0.1), compression="none"):
    """Write tiles, each a dictionary of places (axes S, T, Z, C, M, Y, X) and a plane, into one .czi file."""
    channels = "".join(f"<Channel Id='Channel:{number}' Name={quoteattr(dye)}/>" for number, dye in enumerate(dyes))
    distances = "".join(
        f"<Distance Id='{axis}'><Value>{size * 1e-6}</Value></Distance>"
        for axis, size in zip("YX", pixel_um, strict=True)
    )
    xml = (
        "<ImageDocument><Metadata><Information><Image><Dimensions><Channels>"
        f"{channels}</Channels></Dimensions></Image></Information><Scaling><Items>{distances}</Items></Scaling>"
        "</Metadata></ImageDocument>"
    ).encode()
    content, entries = bytearray(32 + 512), b""
    for places, plane in tiles:
        code, pixels = CZI_COMPRESSIONS[compression]
        data = pixels(plane)
        entry = _czi_entry(places, plane, len(content), code)
        head = struct.pack("<iiq", 0, 0, len(data)) + entry
        content += _czi_segment(b"ZISRAWSUBBLOCK", head.ljust(256, b"\0") + data)
        entries += entry
    directory = len(content)
    content += _czi_segment(b"ZISRAWDIRECTORY", struct.pack("<i", len(tiles)).ljust(128, b"\0") + entries)
    metadata = len(content)
    content += _czi_segment(b"ZISRAWMETADATA", struct.pack("<ii", len(xml), 0).ljust(256, b"\0") + xml)
    header = struct.pack("<iiii16s16siqqiq", 1, 0, 0, 0, b"", b"", 0, directory, metadata, 0, 0)
    content[: 32 + 512] = _czi_segment(b"ZISRAWFILE", header.ljust(512, b"\0"))
    path.write_bytes(content)


def bytes_apart(plane):
    """Return the low bytes of all pixels, then the high ones."""
    return plane.view(np.uint8).reshape(-1, 2).T.tobytes()


def _czi_entry(places, plane, position, compression):
    lengths = {"Y": plane.shape[0], "X": plane.shape[1]}
    pixel_type = CZI_PIXEL_TYPES["bgr" if plane.ndim == 3 else plane.dtype.name]
    entry = struct.pack("<2siqiiBB4si", b"DV", pixel_type, position, 0, compression, 0, 0, b"", len(places))
    for axis, start in reversed(places.items()):
        length = lengths.get(axis, 1)
        entry += struct.pack("<4siifi", axis.encode(), start, length, start, length)
    return entry


def _czi_segment(kind, data):
    return struct.pack("<16sqq", kind, len(data), len(data)) + data


def write_nd2(path, axes, array, *, dyes=(), pixel_um=0.1, n_frames=None):
    """Write an array with axes out of TPZ, then CYX, into one .nd2 file; of its frames no more than `n_frames`."""
    loops, sizes = axes[: axes.index("C")], dict(zip(axes, array.shape, strict=True))
    frames = np.moveaxis(array, -3, -1).reshape(-1, sizes["Y"], sizes["X"], sizes["C"])[:n_frames]
    bits = 8 * array.itemsize
    attributes = {
        "uiWidth": sizes["X"],
        "uiWidthBytes": sizes["X"] * sizes["C"] * array.itemsize,
        "uiHeight": sizes["Y"],
        "uiComp": sizes["C"],
        "uiBpcInMemory": bits,
        "uiBpcSignificant": bits,
        "uiSequenceCount": len(frames),
        "eCompression": 2,
    }
    planes = {
        f"a{number}": {"uiCompCount": 1, "sDescription": dye, "pFluorescentProbe": {"m_sName": dye}}
        for number, dye in enumerate(dyes)
    }
    seen = {
        "bCalibrated": True,
        "dCalibration": pixel_um,
        "sPicturePlanes": {"uiCount": len(dyes), "sPlaneNew": planes},
    }
    experiment = {}
    for axis in reversed(loops):
        inner = {"ppNextLevelEx": {"i0": experiment}} if experiment else {}
        experiment = {"eType": ND2_LOOPS[axis], "uLoopPars": _nd2_loop(axis, sizes[axis]), **inner}
    chunks = {"ImageAttributesLV!": _nd2_xml(attributes), "ImageMetadataSeqLV|0!": _nd2_xml(seen)}
    if experiment:
        chunks["ImageMetadataLV!"] = _nd2_xml(experiment)
    # A frame begins with its time.
    chunks |= {f"ImageDataSeq|{number}!": bytes(8) + frame.tobytes() for number, frame in enumerate(frames)}
    content = _nd2_chunk("ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0".ljust(64, b"\0"), name_length=32)
    places = b""
    for name, data in chunks.items():
        places += name.encode() + struct.pack("<QQ", len(content), len(data))
        content += _nd2_chunk(name, data)
    places += b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(content))
    path.write_bytes(content + _nd2_chunk("ND2 FILEMAP SIGNATURE NAME 0001!", places))


def _nd2_loop(axis, count):
    if axis == "P":
        return {"Points": {f"i{point}": {"dPosX": 100.0 * point, "dPosY": 0.0} for point in range(count)}}
    return {"uiCount": count, "dStart": 0.0, "dPeriod": 1.0, "dDuration": 1.0, "dZStep": 0.5}


def _nd2_chunk(name, data, name_length=4072):
    return struct.pack("<IIQ", 0x0ABECEDA, name_length, len(data)) + name.encode().ljust(name_length, b"\0") + data


def _nd2_xml(values):
    nodes = "".join(_nd2_node(name, value) for name, value in values.items())
    return f'<variant version="1.0">{nodes}</variant>'.encode()


def _nd2_node(name, value):
    if isinstance(value, dict):
        inner = "".join(_nd2_node(*item) for item in value.items())
        return f'<{name} runtype="CLxListVariant">{inner}</{name}>'
    kind = {bool: "bool", int: "lx_uint32", float: "double", str: "CLxStringW"}[type(value)]
    return f'<{name} runtype="{kind}" value={quoteattr(str(value))}/>'

"""What can be asked for: stage params, inputs, resources, data sets, recipes. Imports no torch."""

from wsmis_core.spec.artifact import (
    MANIFEST_FILE,
    CodeRef,
    FileEntry,
    Lineage,
    Manifest,
    read_manifest,
    verify_files,
)
from wsmis_core.spec.catalogue import (
    CATALOGUE,
    ArtifactKind,
    InputRole,
    Stage,
    StageName,
    make_params,
    producer,
)
from wsmis_core.spec.chest_datasets import ChestXray14Dataset, ChexpertDataset
from wsmis_core.spec.code import VERSION, code_digest
from wsmis_core.spec.convert import Converted, convert_config, in_one_line
from wsmis_core.spec.coverage import Coverage
from wsmis_core.spec.dataset import (
    FORMATS,
    CsvDataset,
    DatasetSpec,
    SiimDataset,
    SplitShares,
    Voc2012Dataset,
    WsmisDataset,
    dataset_spec,
    make_dataset_spec,
)
from wsmis_core.spec.event import (
    EVENTS_FILE,
    FAILURE_FILE,
    CheckpointEvent,
    Event,
    Failure,
    LogEvent,
    MetricEvent,
    PreviewEvent,
    ProgressEvent,
    event_line,
)
from wsmis_core.spec.joint import source_problems
from wsmis_core.spec.min_score import MinScore, MinScoreChange, changed_min_score, gate_problems
from wsmis_core.spec.model import Spec, problems_of, validate
from wsmis_core.spec.named_files import has_unknown_content, named_files
from wsmis_core.spec.plan import EVERY_STEP, PlannedStep, plan
from wsmis_core.spec.recipe import Recipe, Step, load_recipes, recipe_names, recipes
from wsmis_core.spec.run import SPEC_FILE, TORCHRUN_FOLDER, DatasetRef, InputRef, Resources, RunSpec
from wsmis_core.spec.stage_file import LocalStage, read_stage_file
from wsmis_core.spec.stages import StageParams, stage_params
from wsmis_core.spec.yaml_file import read_yaml

__all__ = [
    "CATALOGUE",
    "EVENTS_FILE",
    "EVERY_STEP",
    "FAILURE_FILE",
    "FORMATS",
    "MANIFEST_FILE",
    "SPEC_FILE",
    "TORCHRUN_FOLDER",
    "VERSION",
    "ArtifactKind",
    "CheckpointEvent",
    "ChestXray14Dataset",
    "ChexpertDataset",
    "CodeRef",
    "Converted",
    "Coverage",
    "CsvDataset",
    "DatasetRef",
    "DatasetSpec",
    "Event",
    "Failure",
    "FileEntry",
    "InputRef",
    "InputRole",
    "Lineage",
    "LocalStage",
    "LogEvent",
    "Manifest",
    "MetricEvent",
    "MinScore",
    "MinScoreChange",
    "PlannedStep",
    "PreviewEvent",
    "ProgressEvent",
    "Recipe",
    "Resources",
    "RunSpec",
    "SiimDataset",
    "Spec",
    "SplitShares",
    "Stage",
    "StageName",
    "StageParams",
    "Step",
    "Voc2012Dataset",
    "WsmisDataset",
    "changed_min_score",
    "code_digest",
    "convert_config",
    "dataset_spec",
    "event_line",
    "gate_problems",
    "has_unknown_content",
    "in_one_line",
    "load_recipes",
    "make_dataset_spec",
    "make_params",
    "named_files",
    "plan",
    "problems_of",
    "producer",
    "read_manifest",
    "read_stage_file",
    "read_yaml",
    "recipe_names",
    "recipes",
    "source_problems",
    "stage_params",
    "validate",
    "verify_files",
]

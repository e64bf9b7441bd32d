"""What the main window is made of: imported as one when the window is on the screen (ui/main_window.py)."""

from core.activity_history import ActivityKind
from core.exam import runs
from core.teaching.teaching_path import PathStep
from ui.activity import activity_texts
from ui.activity.activity_dock import ActivityDock
from ui.activity.end_notification import EndNotification
from ui.chat.tab import ChatTab
from ui.dataset import drop_question
from ui.dataset.tab import DatasetTab
from ui.exam.tab import ExamTab
from ui.menus.edit_menu import EditActions
from ui.menus.help_menu import HelpActions
from ui.menus.view_menu import ViewActions
from ui.menus.window_menu import WindowActions
from ui.project import close_question, single_instance
from ui.project.copy_actions import CopyActions
from ui.project.file_actions import FileActions
from ui.project.opening import ProjectOpener
from ui.project.print_actions import PrintActions
from ui.project.single_instance import OneWindow
from ui.project.synced_folder_bar import SyncedFolderBar
from ui.project.teaching_path_actions import TeachingPathActions
from ui.project.teaching_path_bar import TeachingPathBar
from ui.project.window_layout import WindowLayout
from ui.rescue.deadline_label import DeadlineLabel
from ui.settings.settings_dialog import SettingsDialog
from ui.spec.tab import SpecTab
from ui.tab_base import ALL_TABLES
from ui.training import job_end_notice
from ui.training.tab import TrainingTab
from ui.widgets import basics, floating_message
from ui.widgets.composition_guard import CompositionGuard
from ui.widgets.drop_overlay import DropOverlay
from ui.widgets.message_bar import MessageBar, Notice
from ui.widgets.server_trouble_bar import ServerTroubleBar

SHOWN_KINDS = {*ActivityKind} - {ActivityKind.TRAINING}  # in the status bar
ASKED_KINDS = {*ActivityKind} - {ActivityKind.OTHER}  # before the window closes

__all__ = [
    "ALL_TABLES", "ASKED_KINDS", "SHOWN_KINDS", "ActivityDock", "ActivityKind", "ChatTab", "CompositionGuard",
    "CopyActions", "DatasetTab", "DeadlineLabel", "DropOverlay", "EditActions", "EndNotification", "ExamTab",
    "FileActions", "HelpActions", "MessageBar", "Notice", "OneWindow", "PathStep", "PrintActions", "ProjectOpener",
    "ServerTroubleBar", "SettingsDialog", "SpecTab", "SyncedFolderBar", "TeachingPathActions", "TeachingPathBar",
    "TrainingTab", "ViewActions", "WindowActions", "WindowLayout", "activity_texts", "basics", "close_question", "drop_question",
    "floating_message", "job_end_notice", "runs", "single_instance",
]  # fmt: skip
